import assert from "node:assert/strict";
import { attack } from "./harness/index.ts";

/** How often a process enters the container while another one spies on it. */
const ENTRIES = 40;

attack({
  ids: ["CVE-2016-9962"],
  mechanism:
    "the container's processes look into the runtime's while it enters, and take its descriptors of the host",
  immune:
    "PR_SET_DUMPABLE 0 is the first operation of the section (setDumpable, compile-exec.ts), and no directory of the host is open in it when it joins",
  cases: {
    "a process with CAP_SYS_PTRACE looks into every process that enters": async (lab) => {
      const id = await lab.start(["probe", "spy", lab.canary.path, "60000"], ({ process }) => {
        const all = ["CAP_SYS_PTRACE", "CAP_DAC_OVERRIDE", "CAP_DAC_READ_SEARCH", "CAP_KILL"];
        process["capabilities"] = { bounding: all, effective: all, permitted: all };
      });
      for (let entry = 0; entry < ENTRIES; entry++) {
        assert.equal((await lab.exec(id, ["true"])).exitCode, 0);
      }
      assert.deepEqual([...new Set(lab.output().trim().split("\n"))], ["spying"]);
    },
  },
});
