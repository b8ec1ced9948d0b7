import assert from "node:assert/strict";
import { attack } from "./harness/index.ts";

attack({
  ids: ["CVE-2022-24769", "CVE-2022-29162", "CVE-2022-27649", "CVE-2022-27650", "CVE-2022-27651"],
  mechanism: "inheritable capabilities that nobody asked for are regained through file capabilities",
  immune:
    "the inheritable set is what the configuration lists, and `exec --cap` does not add to it (src/runtime/plan/identity.ts)",
  cases: {
    "run, exec and exec --cap have no inheritable capability": async (lab) => {
      const set = /^CapInh:\t0+$/m;
      assert.match((await lab.run(["probe", "facts"])).stdout, set);
      const id = await lab.start(["sleep", "100"]);
      assert.match((await lab.exec(id, ["probe", "facts"])).stdout, set);
      const more = await lab.exec(id, ["probe", "facts"], ["--cap", "CAP_NET_RAW"]);
      assert.match(more.stdout, set);
    },
  },
});
