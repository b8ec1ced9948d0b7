import assert from "node:assert/strict";
import { attack, wasRefused } from "./harness/index.ts";

attack({
  ids: ["CVE-2019-18837"],
  mechanism: "the last component of a mount's destination is followed as a link of the host",
  immune:
    "every component is resolved by openat2(RESOLVE_IN_ROOT), and the mount goes onto that descriptor (native/init/inside.c)",
  cases: {
    "destinations that end in links out of the root": async (lab) => {
      lab.link("absolute", `${lab.canary.path}/directory`);
      lab.link("relative", `../../../../../../../..${lab.canary.path}/directory`);
      lab.link("file", `${lab.canary.path}/secret`);
      lab.link("dangling", `${lab.canary.path}/made`);
      const volume = lab.volume("volume");
      const outcome = await lab.run(
        ["sh", "-c", "grep -c from-cve /proc/self/mountinfo"],
        ({ root, mounts }) => {
          root["readonly"] = false;
          for (const destination of ["/absolute", "/relative/x", "/dangling"]) {
            mounts.push({ destination, type: "tmpfs", source: "from-cve" });
          }
          mounts.push({ destination: "/absolute/volume", type: "bind", source: volume, options: ["bind"] });
        },
      );
      // A mount that went elsewhere is missing in the container's table.
      if (!wasRefused(outcome)) assert.equal(outcome.stdout, "3\n");
    },
    "a file mounted on a link to a file of the host": async (lab) => {
      lab.link("file", `${lab.canary.path}/made`);
      const outcome = await lab.run(["cat", "/file"], ({ root, mounts }) => {
        root["readonly"] = false;
        mounts.push({ destination: "/file", type: "bind", source: "/etc/hostname", options: ["bind"] });
      });
      if (!wasRefused(outcome)) assert.notEqual(outcome.stdout, "");
    },
  },
});
