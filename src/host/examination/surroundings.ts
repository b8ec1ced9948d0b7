import { mkdirSync, readFileSync, rmdirSync } from "node:fs";
import { join } from "node:path";
import type { CgroupFacts } from "../cgroup-facts.ts";
import type { HostFacts } from "../facts.ts";
import { findInPath } from "../program-in-path.ts";
import type { Finding } from "./finding.ts";

/** The text of a small file; undefined when it is not there or not for us. */
export function readText(file: string): string | undefined {
  try {
    return readFileSync(file, "utf8").trim();
  } catch {
    return undefined; // that it cannot be read is the answer
  }
}

/** Control groups: how they are set up, and whether this user may make one. Each is made and removed again. */
export function examineCgroups({ cgroups, uid }: Pick<HostFacts, "cgroups" | "uid">): Finding[] {
  const group = "control groups";
  const controllers = controllersOf(cgroups);
  const mode: Finding = {
    ...{ group, name: "hierarchies", works: cgroups.mode !== "none", needed: false },
    detail:
      cgroups.mode === "none" ? "none" : `${cgroups.mode}: ${controllers.join(" ") || "no controllers"}`,
    without: "containers without limits, statistics and pause",
    remedy: "mount -t cgroup2 none /sys/fs/cgroup",
  };
  const refused = cgroups.hierarchies.filter(({ mountpoint, own }) => !mayMake(join(mountpoint, own)));
  const works = cgroups.mode !== "none" && refused.length === 0;
  const delegated: Finding = {
    ...{ group, name: "groups can be made", works, needed: false },
    detail: works ? "works" : refused.map(({ mountpoint }) => mountpoint).join(" ") || "none",
    without: "containers without limits (--cgroup-manager disabled)",
    remedy:
      uid === 0
        ? "a sandbox with a writable /sys/fs/cgroup (--cgroupns private, or --privileged)"
        : "systemd-run --user --scope -p Delegate=yes …, or Delegate=yes in user@.service",
  };
  return [mode, delegated];
}

function controllersOf({ hierarchies }: CgroupFacts): string[] {
  return hierarchies.flatMap(({ version, controllers, mountpoint, own }) =>
    version === 1
      ? controllers.filter((name) => !name.startsWith("name="))
      : (readText(join(mountpoint, own, "cgroup.controllers"))
          ?.split(" ")
          .filter(Boolean) ?? []),
  );
}

function mayMake(parent: string): boolean {
  const path = join(parent, `corten-doctor-${process.pid}`);
  try {
    mkdirSync(path);
    rmdirSync(path);
    return true;
  } catch {
    return false; // why it cannot be made does not matter: it is no use
  }
}

/** Ranges of users for a user's containers, and the programs that hand them out. */
export function examineUserRanges(uid: number, names: readonly string[]): Finding[] {
  const group = "users";
  if (uid === 0) return [];
  const name = names[0] ?? `${uid}`;
  const ranges = ["/etc/subuid", "/etc/subgid"].map((file) =>
    (readText(file) ?? "").split("\n").find((line) => [...names, `${uid}`].includes(line.split(":")[0]!)),
  );
  const tools = ["newuidmap", "newgidmap"].map(findInPath);
  return [
    {
      ...{ group, name: "subordinate user ranges", works: ranges.every((range) => range !== undefined) },
      needed: false,
      detail: ranges.map((range) => range ?? "none").join(", "),
      without: "containers with one user, yours as root",
      remedy: `usermod --add-subuids 100000-165535 --add-subgids 100000-165535 ${name}`,
    },
    {
      ...{ group, name: "newuidmap and newgidmap", works: tools.every((tool) => tool !== undefined) },
      needed: false,
      detail: tools.map((tool) => tool ?? "none").join(", "),
      without: "containers with one user, yours as root",
      remedy: "apt-get install uidmap (dnf install shadow-utils)",
    },
  ];
}

/** Programs of others that Corten can use. */
export function examinePrograms(uid: number): Finding[] {
  const one = (name: string, wanted: readonly string[], without: string, remedy: string): Finding => {
    const found = wanted.map(findInPath).find((path) => path !== undefined);
    return {
      ...{ group: "programs", name, works: found !== undefined, needed: false },
      detail: found ?? `none of ${wanted.join(", ")}`,
      without,
      remedy,
    };
  };
  return [
    one(
      "packet filter",
      ["nft", "iptables"],
      "--network host and none, and networks without published ports",
      "apt-get install nftables",
    ),
    ...(uid === 0
      ? []
      : [
          one(
            "network for ordinary users",
            ["pasta", "slirp4netns"],
            "--network host and none",
            "apt-get install passt",
          ),
        ]),
  ];
}
