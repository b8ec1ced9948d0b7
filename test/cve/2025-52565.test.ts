import assert from "node:assert/strict";
import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { attack, type Case } from "./harness/index.ts";

/** Makes a volume for /dev in which `name` is a link, and looks at what the terminal does to its target. */
const linked =
  (name: string, target: string): Case =>
  async (lab) => {
    const dev = lab.volume("dev");
    for (const folder of ["pts", "shm", "mqueue"]) mkdirSync(join(dev, folder));
    if (name !== "ptmx") symlinkSync("pts/ptmx", join(dev, "ptmx"));
    symlinkSync(target.replace("CANARY", lab.canary.path), join(dev, name));
    writeFileSync(join(dev, "file"), "");
    const script = "cat /proc/sys/kernel/core_pattern | wc -c; stat -c %F /loot";
    const output = await lab.runInTerminal(["sh", "-c", script], ({ mounts }) => {
      const place = mounts.findIndex(({ destination }) => destination === "/dev");
      mounts[place] = { destination: "/dev", type: "bind", source: dev, options: ["rbind"] };
    });
    // Refused, or what the link names is what it was before: nothing is mounted over it.
    if (/regular/.test(output)) assert.doesNotMatch(output, /^0\r?$/m);
    assert.doesNotMatch(output, /character special/);
  };

const withLoot =
  (name: string, target: string): Case =>
  async (lab) => {
    lab.write("loot", "loot\n");
    await linked(name, target)(lab);
  };

attack({
  ids: ["CVE-2025-52565"],
  mechanism:
    "the terminal is mounted on /dev/console by paths that the container made links, before anything is masked",
  immune:
    "ptmx is opened O_NOFOLLOW on the container's devpts and verified, its peer comes by TIOCGPTPEER, the console is looked up below /dev itself (openTerminal, bindConsole)",
  cases: {
    "/dev/console is a link to a file of the image": withLoot("console", "/loot"),
    "/dev/console is a link to a setting of the kernel": withLoot("console", "/proc/sys/kernel/core_pattern"),
    "/dev/console is a link to the host": withLoot("console", "CANARY/secret"),
    "/dev/ptmx is a link to a file of the image": withLoot("ptmx", "/loot"),
  },
});
