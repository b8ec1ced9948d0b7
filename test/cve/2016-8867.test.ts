import assert from "node:assert/strict";
import { attack } from "./harness/index.ts";

attack({
  ids: ["CVE-2016-8867"],
  mechanism:
    "ambient capabilities that nobody asked for give a user other than root the container's capabilities",
  immune:
    "the ambient set is cleared, and raised only by what /process/capabilities/ambient lists (op_set_capabilities)",
  cases: {
    "a user other than root has no capability": async (lab) => {
      const { stdout } = await lab.run(["probe", "facts"], ({ process }) => {
        process["user"] = { uid: 1000, gid: 1000 };
      });
      assert.match(stdout, /^CapPrm:\t0+\nCapEff:\t0+$/m);
      assert.match(stdout, /^CapAmb:\t0+$/m);
    },
  },
});
