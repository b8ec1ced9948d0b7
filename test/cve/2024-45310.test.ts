import { mkdirSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { attack } from "./harness/index.ts";

const ROUNDS = 25;
const MOUNTS = 10;

attack({
  ids: ["CVE-2024-45310"],
  mechanism:
    "while a mount's missing destination is made, a parent on a shared volume becomes a link: files are made on the host",
  immune:
    "each missing component is made below the descriptor of its parent (create_inside in native/init/inside.c)",
  cases: {
    "the parent of missing destinations is swapped for a link to the host": async (lab) => {
      const volume = lab.volume("shared");
      mkdirSync(join(volume, "parent"));
      symlinkSync(`${lab.canary.path}/directory`, join(volume, "link"));
      lab.exchange(join(volume, "parent"), join(volume, "link"));
      for (let round = 0; round < ROUNDS; round++) {
        await lab.run(["true"], ({ root, mounts }) => {
          root["readonly"] = false;
          mounts.push({ destination: "/volume", type: "bind", source: volume, options: ["rbind"] });
          for (let index = 0; index < MOUNTS; index++) {
            const destination = `/volume/parent/${round}-${index}/deep`;
            if (index % 2 === 0) mounts.push({ destination, type: "tmpfs", source: "tmpfs" });
            else mounts.push({ destination, type: "bind", source: "/etc/hostname", options: ["bind"] });
          }
        });
        lab.canary.assertUntouched();
      }
    },
  },
});
