import assert from "node:assert/strict";
import { attack } from "./harness/index.ts";

attack({
  ids: ["CVE-2026-30892"],
  mechanism: "`exec --user 1` is read as user 0 and group 0",
  immune:
    "UID or UID:GID in digits of 32 bits, anything else is refused (numericUser in src/cli/oci/exec.ts)",
  cases: {
    "exec --user N is user N": async (lab) => {
      const id = await lab.start(["sleep", "100"]);
      for (const [user, ids] of [
        ["1", "1"],
        ["7:8", "7"],
        ["2000000000", "2000000000"],
      ] as const) {
        assert.equal((await lab.exec(id, ["id", "-u"], ["--user", user])).stdout.trim(), ids, user);
      }
      assert.equal((await lab.exec(id, ["id", "-g"], ["--user", "7:8"])).stdout.trim(), "8");
    },
    "what is no number is not root": async (lab) => {
      const id = await lab.start(["sleep", "100"]);
      for (const user of ["a", "-1", "4294967296", "18446744073709551616", "1:", ":1", "", "1.5"]) {
        const { stdout } = await lab.exec(id, ["id", "-u"], ["--user", user]);
        const root = user === "" || user === ":1";
        if (!root) assert.doesNotMatch(stdout, /^0$/m, `--user "${user}"`);
      }
    },
  },
});
