import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { attack, loadEvilImage } from "./harness/index.ts";

/** Images robustness, row R1: labels in namespaces that are reserved for engines. */
attack({
  ids: ["CVE-2026-53488"],
  mechanism:
    "a label of the image says how the container is started again and where its log goes: a program, run as root",
  immune: "nothing acts on labels, and those of reserved namespaces are left out (src/engine/spec/labels.ts)",
  engineCases: {
    "an image that asks to be started again with a logger of its own is run once, and logged as every one":
      async (lab) => {
        const proof = join(lab.directory, "proof");
        const Labels = {
          "containerd.io/restart.status": "running",
          "containerd.io/restart.policy": "always",
          "containerd.io/restart.loguri": `binary:///bin/touch?${proof}`,
          "containerd.io/restart.logpath": join(lab.directory, "log"),
          "io.kubernetes.cri.sandbox-id": "x",
          "io.cri-containerd.kind": "sandbox",
          harmless: "kept",
        };
        const loaded = await loadEvilImage(lab, { name: "corten-test/evil:1", config: { Labels } });
        assert.equal(loaded.exitCode, 0, loaded.stderr);
        const words = ["-d", "--name", "once", "--network", "none", "corten-test/evil:1", "echo", "said"];
        const run = await lab.corten("run", ...words);
        assert.equal(run.exitCode, 0, run.stderr);
        assert.equal((await lab.corten("wait", "once")).stdout.trim(), "0");
        assert.equal((await lab.corten("logs", "once")).stdout, "said\n");
        const { stdout } = await lab.corten("inspect", "once");
        const [{ Config, State }] = JSON.parse(stdout) as [
          { Config: { Labels: unknown }; State: { Status: string } },
        ];
        assert.deepEqual(Config.Labels, { harmless: "kept" });
        assert.equal(State.Status, "exited");
        assert.equal(existsSync(proof), false);
        assert.equal(existsSync(join(lab.directory, "log")), false);
      },
  },
});
