import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { checkConfig } from "../../runtime/index.ts";
import type { ImageConfig, ImageExecution } from "../../spec/index.ts";
import type { ContainerOptions } from "../container-options.ts";
import { chooseCapabilities, DEFAULT_CAPABILITIES } from "./capabilities.ts";
import { generateSpec, type SpecInput } from "./generate.ts";
import { containerPath } from "./mounts.ts";
import { chooseArgs, chooseDirectory, chooseEnvironment, generateExec } from "./process.ts";

const files = { hosts: "/c/hosts", hostname: "/c/hostname", resolvConf: "/c/resolv.conf" };
const user = { uid: 0, gid: 0, additionalGids: [0], home: "/root" };

function image(config: ImageExecution = {}): ImageConfig {
  return {
    architecture: "amd64",
    os: "linux",
    rootfs: { type: "layers", diff_ids: [] },
    config: { Cmd: ["/cmd"], ...config },
  };
}

function spec(options: ContainerOptions = {}, config: ImageExecution = {}, more: Partial<SpecInput> = {}) {
  const kernel = { major: 6, minor: 18 };
  const input = { id: "1234", kernel, hostname: "host", mounts: [], devices: [], files, user, ...more };
  const made = generateSpec({ ...input, options, image: image(config) });
  checkConfig(made);
  return made;
}

const mount = (made: ReturnType<typeof spec>, destination: string) =>
  made.mounts?.filter((each) => each.destination === destination) ?? [];

describe("arguments", () => {
  const cases: ReadonlyArray<readonly [ImageExecution, Partial<ContainerOptions>, readonly string[]]> = [
    [{ Cmd: ["a"] }, {}, ["a"]],
    [{ Entrypoint: ["e"], Cmd: ["a"] }, {}, ["e", "a"]],
    [{ Entrypoint: ["e"], Cmd: ["a"] }, { command: ["b", "c"] }, ["e", "b", "c"]],
    [{ Entrypoint: ["e"], Cmd: ["a"] }, { entrypoint: ["f"] }, ["f"]],
    [{ Entrypoint: ["e"], Cmd: ["a"] }, { entrypoint: ["f"], command: ["b"] }, ["f", "b"]],
    [{ Entrypoint: ["e"], Cmd: ["a"] }, { entrypoint: [], command: ["b"] }, ["b"]],
    [{ Entrypoint: null, Cmd: null }, { command: ["b"] }, ["b"]],
  ];
  for (const [config, options, expected] of cases) {
    test(`${JSON.stringify(config)} + ${JSON.stringify(options)}`, () =>
      assert.deepEqual(chooseArgs(config, options), expected));
  }
  test("none at all is an error", () => {
    assert.throws(() => chooseArgs({}, {}), { code: "invalid-argument", pointer: "/process/args" });
    assert.throws(() => chooseArgs({ Entrypoint: ["e"] }, { entrypoint: [] }), { code: "invalid-argument" });
  });
});

test("environment: defaults, image, caller; HOME from passwd", () => {
  const parts = {
    image: ["A=1", "PATH=/x"],
    options: ["A=2", "B=a=b"],
    hostname: "h",
    home: "/home/u",
    terminal: true,
  };
  assert.deepEqual(chooseEnvironment(parts), [
    "PATH=/x",
    "HOSTNAME=h",
    "TERM=xterm",
    "A=2",
    "B=a=b",
    "HOME=/home/u",
  ]);
  assert.ok(chooseEnvironment({ ...parts, options: ["HOME=/own"] }).includes("HOME=/own"));
  for (const bad of ["=x", "a\0b=c", ""]) {
    assert.throws(() => chooseEnvironment({ ...parts, options: [bad] }), { code: "invalid-argument" });
  }
});

test("working directory", () => {
  assert.equal(chooseDirectory({}, undefined), "/");
  assert.equal(chooseDirectory({ WorkingDir: "/app" }, undefined), "/app");
  assert.equal(chooseDirectory({ WorkingDir: "app" }, "sub"), "/app/sub");
  assert.equal(chooseDirectory({ WorkingDir: "/app" }, "/abs"), "/abs");
});

test("capabilities as docker has them", () => {
  assert.deepEqual(new Set(chooseCapabilities()), new Set(DEFAULT_CAPABILITIES));
  assert.deepEqual(chooseCapabilities(["net_admin", "CAP_SYS_TIME"], ["ALL"]), [
    "CAP_NET_ADMIN",
    "CAP_SYS_TIME",
  ]);
  assert.ok(chooseCapabilities(["ALL"], ["SYS_ADMIN"]).length > 35);
  assert.ok(!chooseCapabilities(["ALL"], ["SYS_ADMIN"]).includes("CAP_SYS_ADMIN"));
  assert.throws(() => chooseCapabilities(["NO_SUCH"]), { code: "invalid-argument" });
});

test("a user other than root has no capability in effect, none is ever inheritable or ambient", () => {
  const made = spec({}, {}, { user: { ...user, uid: 5 } });
  assert.deepEqual(made.process?.capabilities?.effective, []);
  for (const each of [made, spec(), spec({ privileged: true })]) {
    assert.equal(each.process?.capabilities?.inheritable, undefined);
    assert.equal(each.process?.capabilities?.ambient, undefined);
  }
  const exec = generateExec(made.process!, { command: ["x"], privileged: true }, undefined);
  assert.deepEqual(exec.capabilities?.effective, []);
});

test("isolation comes from the options alone, whatever an image's labels, volumes and environment say", () => {
  const hostile: ImageExecution = {
    Labels: {
      "io.podman.annotations.privileged": "TRUE",
      "org.systemd.property.SuccessAction": "'poweroff'",
      "run.oci.handler": "krun",
    },
    Env: ["LD_PRELOAD=/evil.so", "BUN_OPTIONS=--preload=/evil"],
    User: "0",
  };
  const [plain, made] = [spec(), spec({}, hostile)];
  assert.deepEqual(made.annotations, plain.annotations);
  assert.deepEqual(made.linux, plain.linux);
  assert.deepEqual(made.mounts, plain.mounts);
  assert.deepEqual(made.process?.capabilities, plain.process?.capabilities);
});

test("namespaces and networks", () => {
  const types = (options: ContainerOptions) =>
    spec(options)
      .linux?.namespaces?.map(({ type }) => type)
      .sort();
  assert.deepEqual(types({}), ["cgroup", "ipc", "mount", "network", "pid", "uts"]);
  assert.deepEqual(types({ network: "host" }), ["cgroup", "ipc", "mount", "pid", "uts"]);
  assert.throws(() => spec({ network: "bridge" }), { code: "unimplemented" });
});

test("mounts: defaults, replacements, order", () => {
  const bind = { type: "bind", source: "/h", readOnly: true } as const;
  const made = spec(
    { tmpfs: [{ destination: "/dev/shm", options: ["size=1m", "exec"] }] },
    {},
    {
      mounts: [
        { ...bind, destination: "/a/b/c" },
        { ...bind, destination: "/a" },
        { ...bind, destination: "/etc/hosts" },
      ],
    },
  );
  assert.deepEqual(mount(made, "/dev/shm")[0]?.options, ["nosuid", "nodev", "mode=1777", "size=1m", "exec"]);
  assert.equal(mount(made, "/dev/shm").length, 1);
  assert.equal(mount(made, "/etc/hosts")[0]?.source, "/h");
  const order = made.mounts!.map(({ destination }) => destination);
  assert.ok(order.indexOf("/a") < order.indexOf("/a/b/c"));
  assert.ok(mount(made, "/a")[0]?.options?.includes("rro"));
  const twice = [
    { ...bind, destination: "/a" },
    { ...bind, destination: "/a" },
  ];
  assert.throws(() => spec({}, {}, { mounts: twice }), { code: "invalid-argument" });
});

test("destinations stay inside", () => {
  assert.equal(containerPath("/../../etc", "x"), "/etc");
  assert.equal(containerPath("data//x/", "x"), "/data/x");
  for (const path of ["/", "", "..", "/x\0y"]) {
    assert.throws(() => containerPath(path, "x"), { code: "invalid-argument" });
  }
});

test("limits, privileges, devices", () => {
  const limited = spec({ memory: 2 ** 26, cpus: 1.5, pidsLimit: 100 }).linux?.resources;
  assert.deepEqual(limited?.memory, { limit: 67_108_864 });
  assert.deepEqual(limited?.cpu, { quota: 150_000, period: 100_000 });
  assert.deepEqual(limited?.pids, { limit: 100 });
  assert.deepEqual(spec({ pidsLimit: 0 }).linux?.resources?.pids, { limit: -1 });
  assert.deepEqual(limited?.devices, [{ allow: false, access: "rwm" }]);
  for (const bad of [{ memory: 1000 }, { memory: 2 ** 30 + 0.5 }, { cpus: 0 }, { pidsLimit: -2 }]) {
    assert.throws(() => spec(bad), { code: "invalid-argument" });
  }
  assert.ok((spec().linux?.maskedPaths?.length ?? 0) > 5);
  const privileged = spec({ privileged: true });
  assert.equal(privileged.linux?.maskedPaths, undefined);
  assert.deepEqual(privileged.linux?.resources?.devices, [{ allow: true, access: "rwm" }]);
  const node = { path: "/dev/x", type: "c", major: 1, minor: 2 } as const;
  const device = spec({}, {}, { devices: [{ node, access: "r" }] });
  assert.deepEqual(device.linux?.devices, [node]);
  assert.deepEqual(device.linux?.resources?.devices?.[1], {
    allow: true,
    type: "c",
    major: 1,
    minor: 2,
    access: "r",
  });
  assert.equal(spec({ readOnly: true }).root?.readonly, true);
  assert.equal(spec({ noNewPrivileges: true }).process?.noNewPrivileges, true);
  assert.deepEqual(spec({ terminal: true, terminalSize: { rows: 1, columns: 2 } }).process?.consoleSize, {
    height: 1,
    width: 2,
  });
});
