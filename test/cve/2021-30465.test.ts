import assert from "node:assert/strict";
import { mkdirSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { attack, wasRefused } from "./harness/index.ts";

const ROUNDS = 25;
const MOUNTS = 8;

attack({
  ids: ["CVE-2021-30465"],
  mechanism:
    "another container swaps a mount's destination on a shared volume for a link, between its check and the mount",
  immune:
    "the destination is resolved once, to a descriptor, and the mount moved onto that (resolve, moveMount)",
  cases: {
    "destinations are swapped for links to the host while containers start": async (lab) => {
      const volume = lab.volume("shared");
      for (let index = 0; index < MOUNTS; index++) mkdirSync(join(volume, `a/${index}`), { recursive: true });
      symlinkSync(`${lab.canary.path}/directory`, join(volume, "a/link"));
      for (let index = 0; index < MOUNTS; index++) {
        symlinkSync("/", join(volume, `link-${index}`));
        lab.exchange(join(volume, `a/${index}`), join(volume, `link-${index}`));
      }
      for (let round = 0; round < ROUNDS; round++) {
        const script = "grep -c from-cve /proc/self/mountinfo; probe beyond $0";
        const outcome = await lab.run(["sh", "-c", script, lab.canary.path], ({ mounts, root }) => {
          root["readonly"] = false;
          mounts.push({ destination: "/volume", type: "bind", source: volume, options: ["rbind"] });
          for (let index = 0; index < MOUNTS; index++) {
            mounts.push({ destination: `/volume/a/${index}`, type: "tmpfs", source: "from-cve" });
          }
        });
        // With a destination of "/" the container covers its own root, and has no program then.
        if (wasRefused(outcome)) continue;
        assert.doesNotMatch(outcome.stdout, /ESCAPED/);
        assert.equal(
          outcome.stdout.split("\n")[0],
          `${MOUNTS}`,
          `a mount went outside of the root, round ${round}`,
        );
      }
    },
  },
});
