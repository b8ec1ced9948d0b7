import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { attack, type Case, type Lab } from "./harness/index.ts";

/** No mount covers /dev: its devices are made in the image's own directory. */
async function start(lab: Lab): Promise<void> {
  const change = ({ mounts, root }: Parameters<NonNullable<Parameters<Lab["run"]>[1]>>[0]): void => {
    root["readonly"] = false;
    for (let index = mounts.length - 1; index >= 0; index--) {
      if (mounts[index]!.destination.startsWith("/dev")) mounts.splice(index, 1);
    }
  };
  await lab.run(["true"], change);
  lab.canary.assertUntouched();
  await lab.createAndStart(["true"], change);
}

const linked =
  (target: (canary: string) => string): Case =>
  async (lab) => {
    lab.link("dev", target(lab.canary.path));
    await start(lab);
  };

attack({
  ids: ["CVE-2026-41579", "CVE-2026-47766"],
  mechanism:
    "/dev of the image is a link: the host's ptmx is deleted, links and devices are made on the host",
  immune:
    "devices are made below a descriptor of /dev that was resolved inside the root (src/runtime/plan/devices.ts)",
  cases: {
    "/dev is an absolute link to the host": linked((canary) => `${canary}/directory`),
    "/dev is a relative link to the host": linked(
      (canary) => `../../../../../../../../..${canary}/directory`,
    ),
    "/dev is a dangling link to the host": linked((canary) => `${canary}/made`),
    "/dev/ptmx and /dev/fd are links to the host": async (lab) => {
      for (const name of ["ptmx", "fd", "stdin", "core", "zero", "random"]) {
        lab.link(`dev/${name}`, join(lab.canary.path, "secret"));
      }
      mkdirSync(join(lab.rootfs, "dev/pts"));
      await start(lab);
    },
  },
});
