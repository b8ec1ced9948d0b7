import type { BundleConfig } from "../../support/index.ts";

/** A bundle that must be refused: what is bent, and what the error must name. */
export interface BrokenBundle {
  readonly name: string;
  /** Bends the configuration; a string replaces the file's text. */
  readonly bend: (config: BundleConfig) => string | undefined;
  /** What the error text must say: the setting, its place or the value. */
  readonly says: RegExp;
}

function bundle(name: string, bend: (config: BundleConfig) => unknown, says: RegExp): BrokenBundle {
  return {
    name,
    bend: (config) => {
      bend(config);
      return undefined;
    },
    says,
  };
}

function text(name: string, replaced: string, says: RegExp): BrokenBundle {
  return { name, bend: () => replaced, says };
}

export const brokenBundles: readonly BrokenBundle[] = [
  text("config.json is empty", "", /config\.json/),
  text("config.json is not JSON", "{ not json", /config\.json/),
  text("config.json is an array", "[]", /config\.json|object/),
  text(
    "config.json is larger than any configuration",
    `{"x":"${"a".repeat(40 * 1024 * 1024)}"}`,
    /large|size|bytes/,
  ),
  bundle("ociVersion is missing", (config) => Reflect.deleteProperty(config, "ociVersion"), /ociVersion/),
  bundle(
    "ociVersion is of another major",
    (config) => Object.assign(config, { ociVersion: "2.0.0" }),
    /ociVersion|2\.0\.0/,
  ),
  bundle("process.args is empty", (config) => Object.assign(config.process, { args: [] }), /process\/args/),
  bundle(
    "process.args holds a number",
    (config) => Object.assign(config.process, { args: ["true", 7] }),
    /process\/args/,
  ),
  bundle(
    "process.cwd is relative",
    (config) => Object.assign(config.process, { cwd: "tmp" }),
    /process\/cwd/,
  ),
  bundle(
    "process.cwd is a descriptor of the runtime",
    (config) => Object.assign(config.process, { cwd: "/proc/self/fd/7" }),
    /cwd|\/proc\/self\/fd\/7/,
  ),
  bundle(
    "an environment entry holds a NUL",
    (config) => Object.assign(config.process, { env: ["A=b\0c"] }),
    /env|NUL/,
  ),
  bundle(
    "the user id is negative",
    (config) => Object.assign(config.process, { user: { uid: -1, gid: 0 } }),
    /process\/user\/uid/,
  ),
  bundle(
    "the user id does not fit 32 bits",
    (config) => Object.assign(config.process, { user: { uid: 4294967296, gid: 0 } }),
    /process\/user\/uid/,
  ),
  bundle(
    "an rlimit has no such name",
    (config) => Object.assign(config.process, { rlimits: [{ type: "RLIMIT_NONSENSE", soft: 1, hard: 1 }] }),
    /RLIMIT_NONSENSE|rlimits/,
  ),
  bundle(
    "an rlimit is listed twice",
    (config) =>
      Object.assign(config.process, {
        rlimits: [1, 2].map((soft) => ({ type: "RLIMIT_NOFILE", soft, hard: 9 })),
      }),
    /RLIMIT_NOFILE|rlimits/,
  ),
  bundle(
    "a program does not exist",
    (config) => Object.assign(config.process, { args: ["no-such-program"] }),
    /exec: "no-such-program": executable file not found in \$PATH/,
  ),
  bundle("a program is a directory", (config) => Object.assign(config.process, { args: ["/etc"] }), /\/etc/),
  bundle("root.path does not exist", (config) => Object.assign(config.root, { path: "nowhere" }), /nowhere/),
  bundle("root is missing", (config) => Reflect.deleteProperty(config, "root"), /root/),
  bundle(
    "a mount has no destination",
    (config) => config.mounts.push({ type: "tmpfs" } as never),
    /mounts\/6/,
  ),
  bundle(
    "a mount's source does not exist",
    (config) =>
      config.mounts.push({
        destination: "/mnt",
        type: "bind",
        source: "/no/such/source",
        options: ["rbind"],
      }),
    /\/no\/such\/source/,
  ),
  bundle(
    "a mount's type does not exist",
    (config) => config.mounts.push({ destination: "/mnt", type: "nonsensefs" }),
    /nonsensefs/,
  ),
  bundle(
    "a mount's option does not exist",
    (config) =>
      config.mounts.push({ destination: "/mnt", type: "tmpfs", source: "tmpfs", options: ["nonsense=1"] }),
    /nonsense/,
  ),
  bundle(
    "a mount covers the root",
    (config) => config.mounts.push({ destination: "/", type: "tmpfs", source: "tmpfs" }),
    /mounts\/6|"\/"/,
  ),
  bundle(
    "a namespace is listed twice",
    (config) => (config.linux["namespaces"] as object[]).push({ type: "pid" }),
    /namespaces/,
  ),
  bundle(
    "a namespace has no such type",
    (config) => (config.linux["namespaces"] as object[]).push({ type: "nonsense" }),
    /nonsense|namespaces/,
  ),
  bundle(
    "a namespace's path does not exist",
    (config) => Object.assign((config.linux["namespaces"] as object[])[1]!, { path: "/no/such/netns" }),
    /\/no\/such\/netns/,
  ),
  bundle(
    "a namespace's path is of another type",
    (config) => Object.assign((config.linux["namespaces"] as object[])[1]!, { path: "/proc/self/ns/uts" }),
    /namespace|\/proc\/self\/ns\/uts/,
  ),
  bundle(
    "a sysctl belongs to no namespace",
    (config) => Object.assign(config.linux, { sysctl: { "kernel.core_pattern": "|/evil" } }),
    /kernel\.core_pattern/,
  ),
  bundle(
    "a network sysctl without a network namespace",
    (config) => {
      // It would need a UTS namespace.
      Reflect.deleteProperty(config, "hostname");
      Object.assign(config.linux, {
        namespaces: [{ type: "mount" }, { type: "pid" }],
        sysctl: { "net.ipv4.ip_forward": "1" },
      });
    },
    /net\.ipv4\.ip_forward/,
  ),
  bundle(
    "the cgroup path climbs out",
    (config) => Object.assign(config.linux, { cgroupsPath: "/corten-test/../../evil" }),
    /cgroupsPath/,
  ),
  bundle(
    "the cgroup path holds a line end",
    (config) => Object.assign(config.linux, { cgroupsPath: "/corten-test/a\nb" }),
    /cgroupsPath must not hold a line end/,
  ),
  bundle(
    "a memory limit is text",
    (config) => Object.assign(config.linux["resources"] as object, { memory: { limit: "much" } }),
    /memory\/limit/,
  ),
  bundle(
    "a cpuset does not exist",
    (config) => Object.assign(config.linux["resources"] as object, { cpu: { cpus: "4000-4001" } }),
    /cpus|cpuset/,
  ),
  bundle(
    "a device has no such type",
    (config) => Object.assign(config.linux, { devices: [{ path: "/dev/x", type: "z", major: 1, minor: 3 }] }),
    /devices/,
  ),
  bundle(
    "a hook's path is relative",
    (config) => Object.assign(config, { hooks: { createRuntime: [{ path: "hook.sh" }] } }),
    /hooks\/createRuntime\/0/,
  ),
  bundle(
    "a hook fails",
    (config) => Object.assign(config, { hooks: { createRuntime: [{ path: "/bin/false" }] } }),
    /hook/,
  ),
  bundle(
    "a Windows container",
    (config) => Object.assign(config, { windows: { layerFolders: ["C:\\"] } }),
    /windows/,
  ),
];
