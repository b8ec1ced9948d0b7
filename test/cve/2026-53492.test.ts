import assert from "node:assert/strict";
import { mkdirSync, readlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { attack, loadEvilImage } from "./harness/index.ts";

/** Images robustness, row R4: an image that looks like a checkpoint is an image like every other. */
attack({
  ids: ["CVE-2026-53492", "CVE-2026-50195"],
  mechanism:
    "the metadata of a checkpoint inside an image, made up by whoever built it, decides how it is restored",
  immune:
    "`run` knows no checkpoint images; `restore` takes its configuration from the bundle, never from an image",
  engineCases: {
    "an image with the files and annotations of a checkpoint is run with the engine's own settings": async (
      lab,
    ) => {
      const annotations = {
        "io.podman.annotations.checkpoint.name": "evil",
        "io.podman.annotations.checkpoint.rawImageName": "corten-test/evil:1",
        "org.criu.checkpoint.container.name": "evil",
        "io.kubernetes.cri-o.annotations.checkpoint.name": "evil",
      };
      const spec = {
        process: {
          args: ["sh", "-c", "echo restored"],
          cwd: "/",
          capabilities: { effective: ["CAP_SYS_ADMIN"] },
        },
        mounts: [{ destination: "/host", type: "bind", source: "/", options: ["rbind"] }],
        linux: { namespaces: [] },
      };
      writeFileSync(join(lab.rootfs, "spec.dump"), JSON.stringify(spec));
      writeFileSync(join(lab.rootfs, "config.dump"), JSON.stringify({ name: "evil", privileged: true }));
      mkdirSync(join(lab.rootfs, "checkpoint"));
      writeFileSync(join(lab.rootfs, "checkpoint/inventory.img"), "");
      const image = { name: "corten-test/evil:1", annotations, config: { Labels: annotations } };
      const loaded = await loadEvilImage(lab, image);
      assert.equal(loaded.exitCode, 0, loaded.stderr);
      const script =
        "readlink /proc/self/ns/mnt; readlink /proc/self/ns/pid; ls /host 2>&1; grep CapEff /proc/self/status";
      const words = ["run", "--rm", "--network", "none", "corten-test/evil:1", "sh", "-c", script];
      const run = await lab.corten(...words);
      assert.equal(run.exitCode, 0, run.stderr);
      const [mount, pid, host] = run.stdout.split("\n");
      assert.notEqual(mount, readlinkSync("/proc/self/ns/mnt"));
      assert.notEqual(pid, readlinkSync("/proc/self/ns/pid"));
      assert.match(host!, /No such file/);
      assert.doesNotMatch(run.stdout, /restored|CapEff:\t0+1ffffffffff/);
    },
  },
});
