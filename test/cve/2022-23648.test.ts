import assert from "node:assert/strict";
import { mkdirSync, readFileSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { attack, loadEvilImage } from "./harness/index.ts";

/** Images robustness, row R3: what the configuration of an image and its account files make the engine do. */
attack({
  ids: ["CVE-2022-23648", "CVE-2024-40635", "CVE-2026-47262"],
  mechanism:
    "an image names a VOLUME outside of itself, a user beyond 32 bits, or brings a group file that fills the memory",
  immune:
    "a VOLUME is resolved in the image alone (src/snapshot/merged-tree.ts), users are 32 bits (src/engine/user/), and of an account file one mebibyte is read",
  engineCases: {
    "VOLUME /../../etc shows the image's own /etc": async (lab) => {
      mkdirSync(join(lab.rootfs, "etc"), { recursive: true });
      writeFileSync(join(lab.rootfs, "etc/only-here"), "image\n");
      const config = { Volumes: { "/../../etc": {}, "../../../../root": {} } };
      const loaded = await loadEvilImage(lab, { name: "corten-test/evil:1", config });
      assert.equal(loaded.exitCode, 0, loaded.stderr);
      const words = ["run", "--rm", "--network", "none", "corten-test/evil:1"];
      const run = await lab.corten(...words, "sh", "-c", "cat /etc/only-here; ls /etc; ls /root");
      assert.equal(run.exitCode, 0, run.stderr);
      assert.match(run.stdout, /^image\n/);
      assert.doesNotMatch(run.stdout, /shadow/);
      assert.ok(readFileSync("/etc/passwd", "utf8").length > 0);
    },
    "USER 4294967296 of an image is not root": async (lab) => {
      for (const User of ["4294967296", "4294967296:0", "0:4294967296"]) {
        const loaded = await loadEvilImage(lab, { name: "corten-test/evil:1", config: { User } });
        // Refused when it comes in, or when it is to run.
        if (loaded.exitCode !== 0) continue;
        const run = await lab.corten("run", "--rm", "--network", "none", "corten-test/evil:1", "id", "-u");
        assert.notEqual(run.exitCode, 0, `${User}: ${run.stdout}`);
        assert.match(run.stderr, /4294967296/);
      }
    },
    "a group file of a gigabyte costs little memory": async (lab) => {
      mkdirSync(join(lab.rootfs, "etc"), { recursive: true });
      writeFileSync(join(lab.rootfs, "etc/passwd"), "user:x:7:7::/:/bin/sh\n");
      writeFileSync(join(lab.rootfs, "etc/group"), "user:x:7:\n");
      truncateSync(join(lab.rootfs, "etc/group"), 2 ** 30);
      const loaded = await loadEvilImage(lab, { name: "corten-test/evil:1", config: { User: "user" } });
      assert.equal(loaded.exitCode, 0, loaded.stderr);
      const words = ["run", "--rm", "--network", "none", "corten-test/evil:1", "id", "-u"];
      const { run, peakBytes } = await lab.cortenMeasured(...words);
      assert.ok(peakBytes < 400 * 2 ** 20, `${peakBytes} bytes`);
      // Either it is told that the file is too large, or the user is who the account files say.
      if (run.exitCode === 0) assert.equal(run.stdout, "7\n");
    },
  },
});
