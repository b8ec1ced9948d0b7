import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { CortenError, type RuntimeConfig } from "../../spec/index.ts";
import { defaultConfig } from "./default-config.ts";
import { MAX_CONFIG_BYTES, parseConfig, parseProcess } from "./parse.ts";

const bytes = (value: unknown) => Buffer.from(JSON.stringify(value));

/** The default configuration with the value at a JSON pointer replaced. */
function changed(pointer: string, value: unknown): unknown {
  const config = structuredClone(defaultConfig()) as unknown as Record<string, unknown>;
  const names = pointer.slice(1).split("/");
  let at: Record<string, unknown> = config;
  for (const name of names.slice(0, -1)) {
    at[name] ??= {};
    at = at[name] as Record<string, unknown>;
  }
  at[names.at(-1)!] = value;
  return config;
}

describe("parseConfig", () => {
  it("reads what `spec` writes", () => {
    assert.deepEqual(parseConfig(bytes(defaultConfig())), defaultConfig());
  });

  it("ignores what the standard does not know, and takes null for absent", () => {
    const config = {
      ...defaultConfig(),
      future: { x: 1 },
      hooks: null,
      linux: { ...defaultConfig().linux, seccomp: null },
    };
    const parsed = parseConfig(bytes(config));
    assert.equal(parsed.hooks, undefined);
    assert.equal(parsed.linux?.seccomp, undefined);
  });

  const invalid: ReadonlyArray<readonly [string, unknown]> = [
    ["/ociVersion", "2.0.0"],
    ["/ociVersion", 1],
    ["/process/args", []],
    ["/process/args/0", ""],
    ["/process/args/0", "a\0b"],
    ["/process/cwd", "relative"],
    ["/process/user/uid", -1],
    ["/process/user/uid", 2 ** 32],
    ["/process/user/umask", 0o1000],
    ["/process/env/0", "NOVALUE"],
    ["/process/rlimits/0/type", "RLIMIT_NO_SUCH"],
    ["/process/rlimits/0/soft", 2048],
    ["/process/rlimits/1", { type: "RLIMIT_NOFILE", soft: 1, hard: 1 }],
    ["/process/oomScoreAdj", 1001],
    ["/root/path", ""],
    ["/hostname", "x".repeat(65)],
    ["/mounts/0/destination", "/a/../../b"],
    ["/mounts/0/destination", "/"],
    ["/mounts/0/options", "ro"],
    ["/linux/namespaces/1/type", "pid"],
    ["/linux/namespaces/0/type", "disk"],
    ["/linux/namespaces/0/path", "ns/pid"],
    ["/linux/maskedPaths/0", "proc/kcore"],
    ["/linux/rootfsPropagation", "both"],
    ["/linux/resources/devices/0/access", "rwx"],
    ["/linux/resources/cpu", { cpus: "0-1;rm" }],
    ["/linux/devices", [{ path: "/dev/x", type: "c" }]],
    ["/linux/devices", [{ path: "/dev/../x", type: "p" }]],
    ["/process/user/username", 7],
    ["/process/scheduler", { policy: "SCHED_NONE" }],
    ["/process/scheduler", { policy: "SCHED_FIFO" }],
    ["/process/scheduler", { policy: "SCHED_OTHER", nice: 20 }],
    ["/process/scheduler", { policy: "SCHED_OTHER", priority: 1 }],
    ["/process/scheduler", { policy: "SCHED_RR", priority: 5, nice: 1 }],
    ["/process/scheduler", { policy: "SCHED_BATCH", runtime: 1 }],
    ["/process/scheduler", { policy: "SCHED_DEADLINE", flags: ["SCHED_FLAG_X"] }],
    ["/process/ioPriority", { class: "IOPRIO_CLASS_NONE" }],
    ["/process/ioPriority", { class: "IOPRIO_CLASS_BE", priority: 8 }],
    ["/process/execCPUAffinity", { initial: "3-1" }],
    ["/process/execCPUAffinity", { final: "0,x" }],
    ["/process/execCPUAffinity", { final: "99999" }],
    ["/linux/memoryPolicy", { mode: "MPOL_BIND" }],
    ["/linux/memoryPolicy", { mode: "MPOL_LOCAL", nodes: "0" }],
    ["/linux/memoryPolicy", { mode: "MPOL_NEAR", nodes: "0" }],
    [
      "/linux/memoryPolicy",
      { mode: "MPOL_BIND", nodes: "0", flags: ["MPOL_F_STATIC_NODES", "MPOL_F_RELATIVE_NODES"] },
    ],
    ["/linux/personality", { domain: "LINUX", flags: ["ADDR_NO_RANDOMIZE"] }],
    ["/linux/personality", { domain: "BSD" }],
    ["/linux/netDevices", { "a/b": {} }],
    ["/linux/netDevices", { "eth%d": {} }],
    ["/linux/netDevices", { eth0: { name: "a-name-too-long-" } }],
    ["/linux/netDevices", { eth0: { name: "x" }, eth1: { name: "x" } }],
    ["/linux/netDevices", { eth0: { name: 1 } }],
    ["/linux/intelRdt/closID", "../x"],
    ["/linux/intelRdt/closID", "info"],
    ["/linux/intelRdt/l3CacheSchema", "L3"],
    ["/linux/intelRdt/memBwSchema", "L3:0=f"],
    ["/linux/intelRdt/schemata", ["MB:0=70", "L3:0=f\n;"]],
    ["/linux/intelRdt/enableMonitoring", "yes"],
    ["/vm", { hypervisor: { path: "/x" } }],
    ["/vm", { kernel: { path: "vmlinuz" } }],
    ["/vm", { kernel: { path: "/x" }, image: { path: "/y", format: "iso" } }],
    ["/vm", { kernel: { path: "/x" }, hwConfig: { irqs: [-1] } }],
    ["/vm", []],
    ["/windows", { layerFolders: [] }],
    ["/windows", { layerFolders: ["c"], resources: { cpu: { maximum: 10_001 } } }],
    ["/solaris/cappedCPU", { ncpus: 2 }],
    ["/zos/namespaces", [{ type: "user" }]],
    ["/freebsd/jail", { vnet: "yes" }],
    ["/freebsd/devices", [{}]],
    ["/hooks", { prestart: [{ path: "relative" }] }],
  ];
  for (const [pointer, value] of invalid) {
    it(`refuses ${pointer} = ${JSON.stringify(value).slice(0, 40)}, naming it`, () => {
      assert.throws(
        () => parseConfig(bytes(changed(pointer, value))),
        (error: CortenError) => {
          assert.equal(error.code, "invalid-argument");
          const named = error.pointer ?? "";
          assert.ok(named.startsWith(pointer) || pointer.startsWith(named), `${named} for ${pointer}`);
          assert.ok(error.message.startsWith(`config.json: ${named}`), error.message);
          return true;
        },
      );
    });
  }

  const unsupported: ReadonlyArray<readonly [string, unknown]> = [
    ["/windows", { layerFolders: ["c"] }],
    ["/vm", { kernel: { path: "/x" } }],
    ["/solaris", { milestone: "svc:/milestone/container:default" }],
    ["/zos", { namespaces: [{ type: "pid" }] }],
    ["/freebsd", { jail: { vnet: "new", allow: { rawSockets: true } } }],
  ];
  for (const [pointer, value] of unsupported) {
    it(`says that ${pointer} is not supported`, () => {
      assert.throws(() => parseConfig(bytes(changed(pointer, value))), { code: "unimplemented", pointer });
    });
  }

  it("refuses what is not UTF-8, and takes U+FFFD itself", () => {
    const text = JSON.stringify({ ...defaultConfig(), hostname: "\ufffd" });
    assert.equal(parseConfig(Buffer.from(text)).hostname, "\ufffd");
    const latin = Buffer.from(text.replace("\ufffd", "é"), "latin1");
    assert.throws(() => parseConfig(latin), { code: "invalid-argument", message: /UTF-8/ });
  });

  it("caps nesting", () => {
    const deep = "[".repeat(100_000) + "]".repeat(100_000);
    assert.throws(() => parseConfig(Buffer.from(`{"x":${deep}}`)), { code: "invalid-argument" });
  });

  it("caps the document", () => {
    assert.throws(() => parseConfig(Buffer.alloc(MAX_CONFIG_BYTES + 1, 0x20)), { code: "invalid-argument" });
  });

  it("never fails in any other way, whatever the document holds", () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.json(),
          fc.string(),
          fc
            .object({ key: fc.constantFrom("process", "linux", "mounts", "root", "ociVersion", "args") })
            .map((value) => JSON.stringify(value)),
        ),
        (text) => {
          try {
            parseConfig(Buffer.from(text));
          } catch (error) {
            assert.ok(error instanceof CortenError, String(error));
            assert.ok(["invalid-argument", "unimplemented"].includes(error.code));
          }
        },
      ),
      { numRuns: 300 },
    );
  });

  it("reads any one field replaced by anything, or refuses it", () => {
    const pointers = collectPointers(defaultConfig());
    fc.assert(
      fc.property(fc.constantFrom(...pointers), fc.jsonValue({ maxDepth: 2 }), (pointer, value) => {
        let parsed: RuntimeConfig;
        try {
          parsed = parseConfig(bytes(changed(pointer, value)));
        } catch (error) {
          assert.ok(error instanceof CortenError, String(error));
          return;
        }
        assert.ok((parsed.process?.args ?? []).length > 0);
      }),
      { numRuns: 400 },
    );
  });
});

describe("parseProcess", () => {
  it("reads a process object", () => {
    const process = { user: { uid: 1, gid: 2 }, args: ["sh"], cwd: "/" };
    assert.deepEqual(parseProcess(bytes(process)), process);
    for (const [user, filled] of [
      [undefined, { uid: 0, gid: 0 }],
      [{ uid: 5 }, { uid: 5, gid: 0 }],
      [
        { gid: 6, umask: 7 },
        { uid: 0, gid: 6, umask: 7 },
      ],
    ]) {
      assert.deepEqual(parseProcess(bytes({ ...process, user })).user, filled);
    }
    assert.throws(() => parseProcess(bytes({ ...process, user: { uid: -1 } })), { pointer: "/user/uid" });
    assert.throws(() => parseProcess(bytes({ ...process, args: [] })), {
      code: "invalid-argument",
      pointer: "/args",
    });
    assert.throws(() => parseProcess(bytes({ ...process, selinuxLabel: 1 })), { pointer: "/selinuxLabel" });
  });
});

function collectPointers(value: unknown, at = ""): string[] {
  if (typeof value !== "object" || value === null) return [at];
  const below = Object.entries(value).flatMap(([name, field]) => collectPointers(field, `${at}/${name}`));
  return at === "" ? below : [at, ...below];
}
