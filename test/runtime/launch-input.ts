import { type CgroupFacts, type HostFacts, readCgroupFacts } from "../../src/host/index.ts";
import { defaultConfig, type LaunchInput, planCgroups } from "../../src/runtime/index.ts";
import type { RuntimeConfig } from "../../src/spec/index.ts";

/** All capabilities but CAP_SYS_RESOURCE, as cloud sandboxes often have them. */
const CAPABILITIES = 2 ** 41 - 1 - 2 ** 24;

const v1 = (controllers: string, directory: string) => ({
  id: 1,
  parent: 0,
  root: "/",
  mountpoint: `/sys/fs/cgroup/${directory}`,
  options: ["rw"],
  shared: false,
  type: "cgroup",
  source: "cgroup",
  superOptions: ["rw", ...controllers.split(",")],
});

/** Hybrid as on many hosts of the time before cgroup v2: two controllers share a hierarchy. */
export const hybridCgroups: CgroupFacts = readCgroupFacts(
  [
    "7:name=systemd:/user.slice",
    "6:memory:/user.slice",
    "5:pids:/user.slice",
    "4:devices:/",
    "3:freezer:/",
    "2:cpuset:/",
    "1:cpu,cpuacct:/",
    "0::/user.slice",
  ].join("\n"),
  [
    v1("name=systemd", "systemd"),
    ...["memory", "pids", "devices", "freezer", "cpuset", "cpu,cpuacct"].map((name) => v1(name, name)),
    { ...v1("", "unified"), type: "cgroup2" },
  ],
);

export const unifiedCgroups: CgroupFacts = readCgroupFacts("0::/user.slice/session.scope\n", [
  { ...v1("", ""), mountpoint: "/sys/fs/cgroup", type: "cgroup2" },
]);

/** A host as the kernel would describe it. */
export function hostFacts(kernel = "6.18.0", cgroups: CgroupFacts = hybridCgroups): HostFacts {
  const [major, minor] = kernel.split(".").map(Number) as [number, number];
  return {
    kernel: { release: kernel, major, minor },
    uid: 0,
    gid: 0,
    capabilities: { permitted: CAPABILITIES, bounding: CAPABILITIES },
    userNamespace: { initial: true, setgroups: true },
    mounts: [],
    cgroups,
  };
}

/** The same for an ordinary user. */
export function rootlessFacts(uid = 1000): HostFacts {
  return {
    ...hostFacts(),
    uid,
    gid: uid,
    capabilities: { permitted: 0, bounding: CAPABILITIES },
  };
}

/** `spec`'s configuration without a terminal, with `change` laid over it. */
export function config(change: Partial<RuntimeConfig> = {}): RuntimeConfig {
  const base = defaultConfig();
  return { ...base, process: { ...base.process!, terminal: false }, ...change };
}

/** An input for `compileLaunch`: `create` of a bundle in /bundle, with `change` laid over it. */
export function launchInput(change: Partial<LaunchInput> = {}): LaunchInput {
  const host = change.host ?? hostFacts();
  const wanted = change.config ?? config();
  return {
    id: "box",
    config: wanted,
    mode: "create",
    bundle: "/bundle",
    root: { kind: "directory", path: "/bundle/rootfs" },
    host,
    cgroups: planCgroups(host.cgroups, wanted.linux?.cgroupsPath, "box"),
    sources: new Map(),
    stateDirectory: "/run/corten/oci/box",
    failureFile: "/run/corten/oci/.failures/box",
    onFailure: [],
    ...change,
  };
}
