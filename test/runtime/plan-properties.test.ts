import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { compileLaunch, encodePlan, type LaunchInput } from "../../src/runtime/index.ts";
import { CortenError, type RuntimeConfig } from "../../src/spec/index.ts";
import {
  config,
  hostFacts,
  hybridCgroups,
  launchInput,
  rootlessFacts,
  unifiedCgroups,
} from "./launch-input.ts";
import { type Allowed, RecordingDouble } from "./recording-double.ts";

const allowed = (input: LaunchInput): Allowed => ({
  hostWrites: [
    "/run/corten/layers",
    input.stateDirectory,
    "/sys/fs/cgroup",
    ...(input.cleanupPaths ?? []),
    ...(input.pidFile === undefined ? [] : [input.pidFile]),
    ...(input.exitFile === undefined ? [] : [input.exitFile]),
  ],
  place: input.root.kind === "directory" ? input.root.path : input.stateDirectory,
});

/** Paths as an attacker would write them, beside ordinary ones. */
const path = fc.oneof(
  fc.constantFrom(
    "/proc",
    "/dev",
    "/dev/pts",
    "/sys",
    "/sys/fs/cgroup",
    "/tmp",
    "/etc/passwd",
    "/proc/self/attr",
    "dev",
  ),
  fc
    .array(fc.constantFrom("a", "..", ".", "", "dev", "x y", "é"), { minLength: 1, maxLength: 4 })
    .map((parts) => `/${parts.join("/")}`),
);

/** Mounts as engines write them. */
const ordinaryMount = fc.constantFrom(
  { destination: "/proc", type: "proc", source: "proc" },
  { destination: "/dev", type: "tmpfs", source: "tmpfs", options: ["nosuid", "mode=755"] },
  { destination: "/dev/pts", type: "devpts", source: "devpts", options: ["newinstance"] },
  { destination: "/sys", type: "sysfs", source: "sysfs", options: ["ro"] },
  { destination: "/sys/fs/cgroup", type: "cgroup", source: "cgroup", options: ["ro"] },
  { destination: "/a/../data", type: "bind", source: "data", options: ["rbind", "ro", "rprivate"] },
  { destination: "/tmp", type: "tmpfs", source: "tmpfs", options: ["ro"] },
);

const mapping = fc.array(
  fc.record({ containerID: fc.nat(9), hostID: fc.constantFrom(0, 100_000), size: fc.nat(9) }),
  { maxLength: 2 },
);

const oddMount = fc.record(
  {
    destination: path,
    type: fc.constantFrom("proc", "tmpfs", "devpts", "sysfs", "mqueue", "cgroup", "bind", "ext4", "none", ""),
    source: fc.constantFrom("/etc", "data", "tmpfs", ""),
    options: fc.array(
      fc.constantFrom(
        "ro",
        "rw",
        "rro",
        "bind",
        "rbind",
        "nosuid",
        "noatime",
        "strictatime",
        "rshared",
        "rslave",
        "private",
        "size=1",
        "tmpcopyup",
        "mode=755",
        "remount",
        "idmap",
        "ridmap=uids=0-1-1;gids=0-1-1",
        "idmap=uids=@0-0-1",
        "copy-symlink",
        "src-nofollow",
        "dest-nofollow",
        "iversion",
      ),
      { maxLength: 4 },
    ),
    uidMappings: mapping,
    gidMappings: mapping,
  },
  { requiredKeys: ["destination"] },
);

const mount = fc.oneof({ weight: 12, arbitrary: ordinaryMount }, { weight: 1, arbitrary: oddMount });

/** Mostly the first, now and then the second. */
const mostly = <T>(usual: T, odd: fc.Arbitrary<T>): fc.Arbitrary<T> =>
  fc.oneof({ weight: 8, arbitrary: fc.constant(usual) }, { weight: 1, arbitrary: odd });

const MAPPINGS = [
  { containerID: 0, hostID: 1000, size: 1 },
  { containerID: 1, hostID: 100_000, size: 2000 },
];

const namespaceTypes = ["mount", "pid", "network", "ipc", "uts", "cgroup", "time"] as const;
const capability = fc.constantFrom("CAP_SYS_ADMIN", "CAP_SYS_RESOURCE", "CAP_CHOWN", "CAP_NO_SUCH");
const hook = fc.constant([{ path: "/bin/hook" }]);

const anyConfig: fc.Arbitrary<RuntimeConfig> = fc
  .record({
    mounts: fc.array(mount, { maxLength: 6 }),
    namespaces: mostly([...namespaceTypes], fc.subarray([...namespaceTypes])),
    joined: fc.subarray([...namespaceTypes]),
    terminal: fc.boolean(),
    uid: fc.constantFrom(0, 1000),
    cwd: path,
    noNewPrivileges: fc.boolean(),
    capabilities: fc.array(capability),
    sysctl: mostly<Record<string, string>>(
      { "net.ipv4.ip_forward": "1" },
      fc.dictionary(
        fc.constantFrom("kernel.shmmax", "kernel.core_pattern", "net/../kernel/x", "fs.mqueue.msg_max"),
        fc.constantFrom("1", "a\nb", "+1"),
      ),
    ),
    masked: fc.array(path, { maxLength: 2 }),
    readonly: fc.boolean(),
    propagation: fc.constantFrom("", "private", "rslave", "shared", "rshared", "unbindable"),
    devices: fc.array(
      fc.record({
        path: fc.constantFrom("/dev/fuse", "/dev/net/tun", "/dev/null", "/x"),
        type: fc.constantFrom("c", "b", "p"),
        major: fc.nat(300),
        minor: fc.nat(300),
      }),
      { maxLength: 3 },
    ),
    hooks: fc.record(
      { createRuntime: hook, createContainer: hook, startContainer: hook },
      { requiredKeys: [] },
    ),
    memory: mostly<{ limit?: number; swap?: number }>(
      { limit: 50, swap: 100 },
      fc.record(
        { limit: fc.integer({ min: -1, max: 100 }), swap: fc.integer({ min: -1, max: 100 }) },
        { requiredKeys: [] },
      ),
    ),
    cgroupsPath: mostly("/a/b", fc.constantFrom("", "rel", "/a/../../b")),
    user: fc.constantFrom("none", "none", "new", "joined"),
    offsets: fc.boolean(),
  })
  .map((draw) => ({
    ociVersion: "1.0.2",
    root: { path: "rootfs", readonly: draw.readonly },
    process: {
      ...config().process!,
      terminal: draw.terminal,
      cwd: draw.cwd,
      user: { uid: draw.uid, gid: 0 },
      noNewPrivileges: draw.noNewPrivileges,
      capabilities: {
        bounding: draw.capabilities,
        effective: draw.capabilities,
        permitted: draw.capabilities,
        ambient: draw.capabilities,
      },
    },
    mounts: draw.mounts,
    hooks: draw.hooks,
    linux: {
      namespaces: [
        ...draw.namespaces.map((type) =>
          draw.joined.includes(type) ? { type, path: `/ns/${type}` } : { type },
        ),
        ...(draw.user === "none" ? [] : [{ type: "user" as const }]).map((namespace) =>
          draw.user === "new" ? namespace : { ...namespace, path: "/ns/user" },
        ),
      ],
      ...(draw.user === "new" ? { uidMappings: MAPPINGS, gidMappings: MAPPINGS } : {}),
      ...(draw.offsets ? { timeOffsets: { boottime: { secs: 7 } } } : {}),
      sysctl: draw.sysctl,
      maskedPaths: draw.masked,
      readonlyPaths: draw.masked,
      rootfsPropagation: draw.propagation,
      devices: draw.devices,
      cgroupsPath: draw.cgroupsPath,
      resources: { memory: draw.memory },
    },
  }));

const anyInput = fc
  .record({
    config: anyConfig,
    mode: fc.constantFrom("create", "detach", "foreground"),
    kernel: fc.constantFrom("5.15.0", "6.12.0", "6.18.0"),
    cgroups: fc.constantFrom(hybridCgroups, unifiedCgroups),
    layers: fc.nat(3),
    shared: fc.boolean(),
    upper: fc.constantFrom({ kind: "none" } as const, { kind: "tmpfs" } as const),
    seccomp: fc.boolean(),
    rootless: mostly(false, fc.constant(true)),
    noPivot: fc.boolean(),
    consoleSocket: mostly(true, fc.constant(false)),
  })
  .map((draw) => {
    const { config: wanted, mode, kernel, cgroups, layers, upper, noPivot } = draw;
    return (): LaunchInput =>
      launchInput({
        config: wanted,
        mode,
        host: draw.rootless ? rootlessFacts() : hostFacts(kernel, cgroups),
        ...(draw.rootless ? { cgroups: { mode: "hybrid", groups: [] } } : {}),
        idMappers: { uid: "/usr/bin/newuidmap", gid: undefined },
        root:
          layers === 0
            ? { kind: "directory", path: "/bundle/rootfs" }
            : {
                kind: "layers",
                layers: Array.from({ length: layers }, (_, index) =>
                  index % 2 === 0
                    ? { kind: "directory", path: `/layers/${index}` }
                    : { kind: "erofs", file: `/layers/${index}` },
                ),
                upper,
                ...(draw.shared ? { shared: "/run/corten/layers" } : {}),
              },
        noPivot,
        pidFile: "/tmp/pid",
        cleanupPaths: ["/var/lib/corten/box"],
        ...(draw.seccomp ? { seccomp: { program: new Uint8Array(8), flags: 0 } } : {}),
        ...(draw.consoleSocket && wanted.process?.terminal === true ? { consoleSocket: "/tmp/socket" } : {}),
      });
  });

describe("any configuration", () => {
  it("gives a plan that keeps to the root, or a clear error", () => {
    let compiled = 0;
    fc.assert(
      fc.property(anyInput, (makeInput) => {
        let input: LaunchInput;
        try {
          input = makeInput();
          const { plan } = compileLaunch(input);
          encodePlan(plan);
          compiled += 1;
          assert.deepEqual(new RecordingDouble(plan, allowed(input)).violations, []);
        } catch (error) {
          if (!(error instanceof CortenError)) throw error;
          assert.notEqual(error.code, "internal");
          assert.match(error.message, /^[^A-Z]/);
        }
      }),
      { numRuns: 1500 },
    );
    assert.ok(compiled > 300, `only ${compiled} configurations could be compiled`);
  });

  it("is compiled the same way each time", () => {
    const once = compileLaunch(launchInput()).plan;
    assert.deepEqual(compileLaunch(launchInput()).plan, once);
  });

  it("has a double that notices what is wrong", () => {
    const { plan } = compileLaunch(launchInput());
    const container = plan.sections.container;
    const spoilt = (operations: typeof container) =>
      new RecordingDouble(
        { ...plan, sections: { ...plan.sections, container: operations } },
        allowed(launchInput()),
      ).violations;
    assert.deepEqual(spoilt(container), []);
    assert.notDeepEqual(spoilt(container.filter(({ op }) => op !== "dropBounding")), []);
    assert.notDeepEqual(spoilt(container.toReversed()), []);
    const outside = { op: "makeDirectory", at: "", dir: null, path: "/etc/x", mode: 0o755 } as const;
    assert.deepEqual(spoilt([outside, ...container]), [
      "container[0] makeDirectory: writes /etc/x of the host",
    ]);
  });
});
