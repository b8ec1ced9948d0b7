//go:build tools

// Package tools keeps the program that go.mod is for: `go build` finds it by its import.
package tools

import _ "github.com/seaweedfs/seaweedfs/weed"
