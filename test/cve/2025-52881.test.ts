import assert from "node:assert/strict";
import { mkdirSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { attack, type Change, type Lab, wasRefused } from "./harness/index.ts";

/** A directory that looks like /proc/sys/net, in which every parameter is a link to the canary. */
function fakeSettings(lab: Lab): string {
  const volume = lab.volume("fake-net");
  mkdirSync(join(volume, "ipv4"), { recursive: true });
  symlinkSync(join(lab.canary.path, "secret"), join(volume, "ipv4/ip_forward"));
  return volume;
}

async function assertSetOrRefused(lab: Lab, change: Change): Promise<void> {
  const outcome = await lab.run(["cat", "/proc/sys/net/ipv4/ip_forward"], (config) => {
    config.linux["sysctl"] = { "net.ipv4.ip_forward": "1" };
    change(config);
  });
  if (!wasRefused(outcome)) assert.equal(outcome.stdout, "1\n");
}

attack({
  ids: ["CVE-2025-52881", "CVE-2025-62596"],
  mechanism:
    "what the runtime writes to /proc goes to a file of the attacker's choice, by mounts that others move at that moment",
  immune:
    "parameters are written through a procfs of its own that nobody else has seen, RESOLVE_BENEATH and NO_XDEV (src/runtime/plan/sysctl.ts)",
  cases: {
    "a volume over /proc/sys/net": (lab) =>
      assertSetOrRefused(lab, ({ mounts }) =>
        mounts.push({
          destination: "/proc/sys/net",
          type: "bind",
          source: fakeSettings(lab),
          options: ["bind"],
        }),
      ),
    "a volume on a link of the image to /proc/sys/net": (lab) => {
      lab.link("data", "/proc/sys/net");
      return assertSetOrRefused(lab, ({ mounts }) =>
        mounts.push({ destination: "/data", type: "bind", source: fakeSettings(lab), options: ["bind"] }),
      );
    },
    "links to /proc are swapped on a shared volume while containers start": async (lab) => {
      const shared = lab.volume("shared");
      mkdirSync(join(shared, "place"));
      symlinkSync("/proc/sys/net", join(shared, "link"));
      lab.exchange(join(shared, "place"), join(shared, "link"));
      const source = fakeSettings(lab);
      for (let round = 0; round < 20; round++) {
        await assertSetOrRefused(lab, ({ mounts }) => {
          mounts.push({ destination: "/shared", type: "bind", source: shared, options: ["rbind"] });
          mounts.push({ destination: "/shared/place", type: "bind", source, options: ["bind"] });
        });
      }
    },
  },
});
