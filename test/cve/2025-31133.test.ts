import assert from "node:assert/strict";
import { mkdirSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { attack, type Case, wasRefused } from "./harness/index.ts";

/** The mask of a file has to hide it, whatever /dev/null of the container is. */
const masked =
  (target: string): Case =>
  async (lab) => {
    const dev = lab.volume("dev");
    for (const folder of ["pts", "shm", "mqueue"]) mkdirSync(join(dev, folder));
    symlinkSync(target, join(dev, "null"));
    const outcome = await lab.run(["sh", "-c", "cat /proc/keys; cat /hidden"], (config) => {
      const place = config.mounts.findIndex(({ destination }) => destination === "/dev");
      config.mounts[place] = { destination: "/dev", type: "bind", source: dev, options: ["rbind"] };
      config.linux["maskedPaths"] = ["/proc/keys", "/hidden"];
    });
    if (!wasRefused(outcome)) assert.equal(outcome.stdout, "");
  };

attack({
  ids: ["CVE-2025-31133", "CVE-2025-62161"],
  mechanism:
    "/dev/null of the container, a link, is mounted over a masked file: the mask gives access to what it points at",
  immune:
    "masks come from the host's own /dev/null, opened O_NOFOLLOW and verified to be device 1:3 (op_mask, native/init/cover.c)",
  cases: {
    "/dev/null of a volume is a link to a setting of the kernel": async (lab) => {
      lab.write("hidden", "hidden\n");
      await masked("/proc/sys/kernel/core_pattern")(lab);
    },
    "/dev/null of a volume is a link to a file of the image": async (lab) => {
      lab.write("hidden", "hidden\n");
      lab.write("loot", "loot\n");
      await masked("/loot")(lab);
    },
    "/dev/null of a volume is a dangling link": async (lab) => {
      lab.write("hidden", "hidden\n");
      await masked("/nowhere")(lab);
    },
  },
});
