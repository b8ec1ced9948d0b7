//go:build tools

package tools

import (
	_ "github.com/opencontainers/runtime-tools/validation/util"
	_ "github.com/opencontainers/runtime-tools/cmd/runtimetest"
)
