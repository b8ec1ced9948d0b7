import assert from "node:assert/strict";
import { join } from "node:path";
import { attack, wasRefused } from "./harness/index.ts";

attack({
  ids: ["CVE-2026-88265"],
  mechanism:
    "/dev/null of the image is a link to a mounted file of the host, which becomes stdin and is given to the container's user",
  immune:
    "only a device 1:3 takes the place of a standard descriptor (refreshNull), only terminals and pipes change owner (ownStdio; native/init/stdio.c)",
  cases: {
    "stdin is /dev/null of the host, that of the image a link to a file": async (lab) => {
      lab.input = "/dev/null";
      lab.link("dev/null", "/data/file");
      lab.write("data/file", "");
      const outcome = await lab.run(["probe", "facts"], (config) => {
        config.root["readonly"] = false;
        config.process["user"] = { uid: 1000, gid: 1000 };
        config.mounts = config.mounts.filter(({ destination }) => !destination.startsWith("/dev"));
        config.mounts.push({
          destination: "/data/file",
          type: "bind",
          source: join(lab.canary.path, "secret"),
          options: ["bind"],
        });
      });
      if (!wasRefused(outcome)) assert.doesNotMatch(outcome.stdout, /^fd 0 .*(secret|data)/m);
    },
  },
});
