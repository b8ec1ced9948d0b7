import assert from "node:assert/strict";
import { attack } from "./harness/index.ts";

const passwd = "root:x:0:0::/:/bin/sh\n1000:x:0:0::/:/bin/sh\n4294967296:x:0:0::/:/bin/sh\n";

attack({
  ids: ["CVE-2016-3697", "CVE-2026-46680"],
  mechanism:
    "a user given by number is looked up as a name in the image's /etc/passwd, which says that it is root",
  immune:
    "digits are always an ID of 32 bits, in the engine (src/engine/user/) and in `exec --user` (src/cli/oci/exec.ts)",
  cases: {
    "exec as user 1000 of an image in which a user named 1000 is root": async (lab) => {
      lab.write("etc/passwd", passwd);
      const id = await lab.start(["sleep", "100"]);
      assert.equal((await lab.exec(id, ["id", "-u"], ["--user", "1000"])).stdout, "1000\n");
    },
  },
  engineCases: {
    "corten run --user 1000 of an image in which a user named 1000 is root": async (lab) => {
      lab.write("etc/passwd", passwd);
      const run = await lab.corten("run", "--rm", "--user", "1000", "--rootfs", lab.rootfs, "--", "id", "-u");
      assert.equal(run.stdout, "1000\n", run.stderr);
    },
    "corten run --user 4294967296 is refused": async (lab) => {
      lab.write("etc/passwd", passwd);
      const run = await lab.corten("run", "--rm", "--user", "4294967296", "--rootfs", lab.rootfs, "--", "id");
      assert.notEqual(run.exitCode, 0);
      assert.equal(run.stdout, "");
    },
  },
});
