import assert from "node:assert/strict";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { attack } from "./harness/index.ts";

const KINDS = ["prestart", "createRuntime", "createContainer", "poststart", "poststop"];

attack({
  ids: ["CVE-2025-23266", "CVE-2024-0132", "CVE-2025-23267"],
  mechanism:
    "a hook, a program of the host's, runs with the environment of the container, LD_PRELOAD among it",
  immune: "a hook has the environment that its entry lists and nothing else (op_hook; native/init/hook.c)",
  cases: {
    "hooks see no variable of the container's": async (lab) => {
      const hook = join(lab.directory, "hook");
      writeFileSync(hook, `#!/bin/sh\n/usr/bin/env > ${lab.directory}/env-$1\n`, { mode: 0o755 });
      await lab.run(["true"], (config) => {
        config.process["env"] = ["PATH=/bin", "LD_PRELOAD=/evil.so", "EVIL=1"];
        config["hooks"] = Object.fromEntries(
          KINDS.map((kind) => [kind, [{ path: hook, args: ["hook", kind], env: ["GIVEN=1"] }]]),
        );
      });
      for (const kind of KINDS) {
        const file = join(lab.directory, `env-${kind}`);
        assert.ok(existsSync(file), `${kind} did not run`);
        assert.match(readFileSync(file, "utf8"), /^GIVEN=1$/m, kind);
        assert.doesNotMatch(readFileSync(file, "utf8"), /EVIL|LD_PRELOAD/, kind);
      }
    },
    "so without an environment of their own": async (lab) => {
      const hook = join(lab.directory, "hook");
      writeFileSync(hook, `#!/bin/sh\n/usr/bin/env > ${lab.directory}/env\n`, { mode: 0o755 });
      await lab.run(["true"], (config) => {
        config.process["env"] = ["PATH=/bin", "LD_PRELOAD=/evil.so", "EVIL=1"];
        config["hooks"] = { createContainer: [{ path: hook }] };
      });
      assert.doesNotMatch(readFileSync(join(lab.directory, "env"), "utf8"), /EVIL|LD_PRELOAD/);
    },
  },
});
