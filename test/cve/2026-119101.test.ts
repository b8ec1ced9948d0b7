import assert from "node:assert/strict";
import { attack, wasRefused } from "./harness/index.ts";

attack({
  ids: ["CVE-2026-119101", "CVE-2026-115520", "CVE-2026-119614"],
  mechanism:
    "the name under which a mount is known to CRIU is made of the image's directory names, so that a restore mounts another directory of the host",
  immune:
    "a destination is only ever text that is resolved below the root; it becomes part of no other program's language",
  cases: {
    "destinations with CRIU's own signs": async (lab) => {
      lab.link("linked", `a]:${lab.canary.path}`);
      const volume = lab.volume("volume");
      const outcome = await lab.run(
        ["sh", "-c", "grep -c ' /a]:' /proc/self/mountinfo"],
        ({ root, mounts }) => {
          root["readonly"] = false;
          for (const destination of ["/a]:/etc", `/a]:${lab.canary.path}`, "/linked"]) {
            mounts.push({ destination, type: "bind", source: volume, options: ["bind"] });
          }
        },
      );
      if (!wasRefused(outcome)) assert.equal(outcome.stdout, "3\n");
    },
    "a checkpoint of such a container changes nothing": async (lab) => {
      const id = await lab.start(["sleep", "100"], ({ root, mounts }) => {
        root["readonly"] = false;
        mounts.push({ destination: "/a]:/etc", type: "tmpfs", source: "tmpfs" });
      });
      await lab.oci("checkpoint", "--image-path", lab.volume("checkpoint"), id);
    },
  },
});
