import assert from "node:assert/strict";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import {
  compileExec,
  compileLaunch,
  defaultConfig,
  formatPlan,
  type LaunchInput,
  type LaunchPlan,
} from "../../src/runtime/index.ts";
import type { RuntimeConfig } from "../../src/spec/index.ts";
import { config, hostFacts, launchInput, rootlessFacts, unifiedCgroups } from "./launch-input.ts";

/** Plans as text, kept beside this file. `CORTEN_UPDATE_GOLDEN=1` writes them anew; the difference is then read. */
const directory = join(import.meta.dirname, "golden");
const update = process.env["CORTEN_UPDATE_GOLDEN"] === "1";

const unified = hostFacts("6.18.0", unifiedCgroups);
const minimal = { mounts: [], linux: { namespaces: [{ type: "mount" }, { type: "pid" }] as const } };
const mapping = {
  uidMappings: [{ containerID: 0, hostID: 1000, size: 10 }],
  gidMappings: [{ containerID: 0, hostID: 2000, size: 10 }],
};
const hook = (name: string) => [{ path: `/hooks/${name}`, args: [name, "x"], env: ["A=b"], timeout: 2 }];

const MAPPINGS = [{ containerID: 0, hostID: 100_000, size: 65_536 }];
const inUserNamespace = (path?: string): Partial<LaunchInput> => ({
  config: config({
    mounts: [
      ...config().mounts!,
      { destination: "/data", type: "bind", source: "data", options: ["rbind", "ro"] },
    ],
    linux: {
      ...config().linux!,
      namespaces: [
        ...config().linux!.namespaces!,
        { type: "user", ...(path === undefined ? {} : { path }) },
        { type: "time" },
      ],
      ...(path === undefined ? { uidMappings: MAPPINGS, gidMappings: MAPPINGS } : {}),
    },
  }),
});

const plans: Readonly<Record<string, () => LaunchPlan>> = {
  "create-spec": () => compileLaunch(launchInput()).plan,
  "run-terminal": () =>
    compileLaunch(
      launchInput({
        mode: "foreground",
        exitFile: "/run/exit",
        config: config({
          process: {
            ...defaultConfig().process!,
            consoleSize: { height: 40, width: 132 },
            user: { uid: 1000, gid: 1000, additionalGids: [5, 1000], umask: 0o077 },
            cwd: "/home/user",
            oomScoreAdj: 100,
          },
        }),
      }),
    ).plan,
  "detach-console-socket": () =>
    compileLaunch(
      launchInput({
        mode: "detach",
        consoleSocket: "/tmp/console.sock",
        pidFile: "/tmp/pid",
        preserveFds: 2,
        config: config({ ...minimal, process: defaultConfig().process! }),
      }),
    ).plan,
  binds: () =>
    compileLaunch(
      launchInput({
        sources: new Map([
          ["/etc/hosts", "file"],
          ["/bundle/data", "directory"],
        ]),
        config: config({
          ...minimal,
          mounts: [
            { destination: "/etc/hosts", source: "/etc/hosts", options: ["bind", "ro", "rprivate"] },
            { destination: "data", source: "data", options: ["rbind", "rro", "nosuid", "rslave"] },
            { destination: "/tmp", type: "tmpfs", source: "tmpfs", options: ["ro", "nodev", "size=1m"] },
          ],
        }),
      }),
    ).plan,
  hooks: () =>
    compileLaunch(
      launchInput({
        mode: "foreground",
        config: config({
          ...minimal,
          annotations: { "org.example": "1" },
          hooks: {
            prestart: hook("prestart"),
            createRuntime: hook("createRuntime"),
            createContainer: hook("createContainer"),
            startContainer: hook("startContainer"),
            poststart: hook("poststart"),
            poststop: hook("poststop"),
          },
        }),
      }),
    ).plan,
  "intel-rdt": () =>
    compileLaunch(
      launchInput({
        mode: "foreground",
        config: config({
          mounts: [],
          linux: {
            namespaces: [{ type: "mount" }, { type: "pid" }],
            intelRdt: {
              l3CacheSchema: "L3:0=7f0;1=1f\nMB:0=5",
              memBwSchema: "MB:0=20;1=70",
              schemata: ["L3:0=ff"],
              enableMonitoring: true,
            },
          },
        }),
        resctrl: { mountpoint: "/sys/fs/resctrl", resources: ["L3", "MB", "L3_MON"], monitored: [] },
      }),
    ).plan,
  "joined-namespaces": () =>
    compileLaunch(
      launchInput({
        config: config({
          mounts: [],
          linux: {
            namespaces: [
              { type: "mount" },
              { type: "pid", path: "/proc/7/ns/pid" },
              { type: "network", path: "/run/netns/blue" },
              { type: "ipc", path: "/proc/7/ns/ipc" },
              { type: "uts" },
            ],
            sysctl: { "net.ipv4.ip_forward": "1", "kernel.shmmax": "65536" },
          },
        }),
      }),
    ).plan,
  "layers-detached": () =>
    compileLaunch(
      launchInput({
        mode: "foreground",
        config: config(minimal),
        cleanupPaths: ["/var/lib/corten/containers/box"],
        root: {
          kind: "layers",
          layers: [
            { kind: "erofs", file: "/layers/1.erofs" },
            { kind: "erofs", file: "/layers/2.erofs" },
          ],
          upper: { kind: "directory", upper: "/c/upper", work: "/c/work", volatile: true },
        },
      }),
    ).plan,
  "layers-shared": () =>
    compileLaunch(
      launchInput({
        mode: "detach",
        config: config(minimal),
        root: {
          kind: "layers",
          layers: [
            { kind: "erofs", file: "/layers/1.erofs" },
            { kind: "directory", path: "/layers/2" },
            { kind: "erofs", file: "/layers/3.erofs" },
          ],
          upper: { kind: "directory", upper: "/c/upper", work: "/c/work" },
          shared: "/run/corten/layers",
        },
      }),
    ).plan,
  "layers-old-kernel": () =>
    compileLaunch(
      launchInput({
        host: hostFacts("5.15.0"),
        config: config(minimal),
        root: {
          kind: "layers",
          layers: [
            { kind: "erofs", file: "/layers/1.erofs" },
            { kind: "directory", path: "/layers/2" },
          ],
          upper: { kind: "tmpfs", sizeBytes: 1048576 },
        },
      }),
    ).plan,
  "mapped-mounts": () =>
    compileLaunch(
      launchInput({
        config: config({
          ...minimal,
          mounts: [
            { destination: "/data", type: "bind", source: "/srv", options: ["rbind", "ridmap"], ...mapping },
            { destination: "/tmp", type: "tmpfs", source: "tmpfs", options: ["idmap"], ...mapping },
            { destination: "tmp", options: ["remount", "ro", "size=64k"] },
          ],
        }),
      }),
    ).plan,
  "cgroup-v2-limits": () =>
    compileLaunch(
      launchInput({
        host: unified,
        config: config({
          mounts: [
            { destination: "/sys/fs/cgroup", type: "cgroup", source: "cgroup", options: ["ro", "nosuid"] },
          ],
          linux: {
            namespaces: [{ type: "mount" }, { type: "cgroup" }],
            cgroupsPath: "/machine/box",
            resources: {
              memory: { limit: 1 << 20, swap: 3 << 20, reservation: 1 << 19 },
              cpu: { shares: 1024, quota: 50_000, period: 100_000, cpus: "0-1" },
              pids: { limit: 0 },
              unified: { "memory.high": "900000" },
            },
          },
        }),
      }),
    ).plan,
  "no-mount-namespace": () =>
    compileLaunch(
      launchInput({ config: { ociVersion: "1.0.0", root: { path: "rootfs" }, process: config().process! } }),
    ).plan,
  "mounts-on-host": () => {
    const { linux, hostname, ...rest } = config();
    return compileLaunch(
      launchInput({ config: { ...rest, linux: { ...linux, namespaces: [] } }, mode: "foreground" }),
    ).plan;
  },
  "user-namespace": () => compileLaunch(launchInput(inUserNamespace())).plan,
  "user-namespace-joined": () => compileLaunch(launchInput(inUserNamespace("/proc/7/ns/user"))).plan,
  rootless: () =>
    compileLaunch(
      launchInput({
        ...inUserNamespace(),
        host: rootlessFacts(),
        cgroups: { mode: "hybrid", groups: [] },
        idMappers: { uid: "/usr/bin/newuidmap", gid: "/usr/bin/newgidmap" },
        config: withoutLimits(inUserNamespace().config!),
      }),
    ).plan,
  "time-offsets": () =>
    compileLaunch(
      launchInput({
        config: config({
          mounts: [],
          linux: {
            namespaces: [{ type: "mount" }, { type: "time" }],
            timeOffsets: { monotonic: { secs: -5 }, boottime: { secs: 100_000, nanosecs: 7 } },
          },
        }),
      }),
    ).plan,
  "exec-user-namespace": () =>
    compileExec({
      id: "box",
      target: { pid: 4242, startTime: 123_456 },
      namespaces: ["user", "mount", "pid"],
      process: { ...config().process!, args: ["ps"] },
      host: rootlessFacts(),
      cgroups: [],
      unifiedCgroup: undefined,
      detach: false,
      failureFile: "/run/f",
      onFailure: [],
    }).plan,
  exec: () =>
    compileExec({
      id: "box",
      target: { pid: 4242, startTime: 123_456 },
      namespaces: ["mount", "pid", "network", "cgroup"],
      process: { ...config().process!, args: ["ps"], user: { uid: 7, gid: 8 } },
      host: hostFacts(),
      cgroups: ["/sys/fs/cgroup/memory/box", "/sys/fs/cgroup/pids/box"],
      unifiedCgroup: "/sys/fs/cgroup/unified/box",
      detach: false,
      failureFile: "/run/f",
      onFailure: [],
    }).plan,
};

/** Nothing of the cgroups, which an ordinary user may not write. */
function withoutLimits(wanted: RuntimeConfig): RuntimeConfig {
  const { resources: _, ...linux } = wanted.linux!;
  return { ...wanted, mounts: wanted.mounts!.filter(({ type }) => type !== "cgroup"), linux };
}

describe("golden plans", () => {
  for (const [name, compile] of Object.entries(plans)) {
    it(name, () => {
      const file = join(directory, `${name}.txt`);
      const text = formatPlan(compile());
      if (update) {
        mkdirSync(directory, { recursive: true });
        writeFileSync(file, text);
      }
      assert.equal(
        text,
        readFileSync(file, "utf8"),
        "the plan changed: if on purpose, run with CORTEN_UPDATE_GOLDEN=1",
      );
    });
  }
});
