import assert from "node:assert/strict";
import { attack, wasRefused } from "./harness/index.ts";

attack({
  ids: ["CVE-2022-4318"],
  mechanism: "a line break in $HOME becomes a line of the container's /etc/passwd",
  immune: "Corten writes no account file into a container",
  cases: {
    "$HOME with a line break": async (lab) => {
      const evil = "HOME=/root\nevil:x:0:0::/:/bin/sh";
      const outcome = await lab.run(["sh", "-c", "cat /etc/passwd"], ({ process }) => {
        process["env"] = ["PATH=/bin", evil];
      });
      if (!wasRefused(outcome)) assert.doesNotMatch(outcome.stdout, /evil/);
    },
  },
  engineCases: {
    "corten run -e HOME with a line break": async (lab) => {
      const words = ["run", "--rm", "-e", "HOME=/root\nevil:x:0:0::/:/bin/sh", "--user", "1234"];
      const run = await lab.corten(...words, "--rootfs", lab.rootfs, "--", "cat", "/etc/passwd");
      assert.match(run.stdout, /^root:/);
      assert.doesNotMatch(run.stdout, /evil/);
    },
  },
});
