import assert from "node:assert/strict";
import { readlinkSync } from "node:fs";
import { attack, loadEvilImage } from "./harness/index.ts";

/** Images robustness, row R2: what an image says of itself never reaches policy. */
const EVIL = {
  "io.podman.annotations.checkpoint.runtime.name": "corten-oci",
  "io.podman.annotations.privileged": "TRUE",
  "io.kubernetes.cri-o.Devices": "/dev/sda",
  "run.oci.handler": "krun",
  "org.systemd.property.SuccessAction": "'none'",
};

attack({
  ids: ["CVE-2026-94603", "CVE-2026-121885"],
  mechanism: "an annotation of the image makes `run` take it for a checkpoint, and the sandbox is off",
  immune: "nothing in an image's labels or annotations reaches isolation (src/engine/spec/)",
  engineCases: {
    "corten run of an image full of annotations is isolated like every one": async (lab) => {
      const image = { name: "corten-test/evil:1", annotations: EVIL, config: { Labels: EVIL } };
      const loaded = await loadEvilImage(lab, image);
      assert.equal(loaded.exitCode, 0, loaded.stderr);
      const types = ["mnt", "pid", "net", "ipc", "uts"];
      const links = types.map((type) => `readlink /proc/self/ns/${type}`).join("; ");
      const script = `${links}; grep CapEff /proc/self/status; grep Seccomp: /proc/self/status; ls /dev`;
      const run = await lab.corten("run", "--rm", "corten-test/evil:1", "sh", "-c", script);
      assert.equal(run.exitCode, 0, run.stderr);
      const lines = run.stdout.split("\n");
      for (const [index, type] of types.entries()) {
        assert.notEqual(lines[index], readlinkSync(`/proc/self/ns/${type}`), type);
      }
      assert.doesNotMatch(run.stdout, /sda|CapEff:\t0+1ffffffffff/);
    },
    "a label of the image that asks for updates is none of the container's, one of the user is": async (
      lab,
    ) => {
      const update = { "io.containers.autoupdate": "registry" };
      const image = {
        name: "corten-test/evil:1",
        annotations: update,
        config: { Labels: { ...update, own: "1" } },
      };
      const loaded = await loadEvilImage(lab, image);
      assert.equal(loaded.exitCode, 0, loaded.stderr);
      const words = ["--network", "none", "corten-test/evil:1", "true"];
      await lab.corten("create", "--name", "plain", ...words);
      await lab.corten("create", "--name", "asked", "--label", "io.containers.autoupdate=local", ...words);
      const labels = async (name: string) => {
        const { stdout } = await lab.corten("inspect", "--format", "{{json .Config.Labels}}", name);
        return JSON.parse(stdout);
      };
      assert.deepEqual(await labels("plain"), { own: "1" });
      assert.deepEqual(await labels("asked"), { own: "1", "io.containers.autoupdate": "local" });
    },
  },
});
