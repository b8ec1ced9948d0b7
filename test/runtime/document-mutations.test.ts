import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import {
  compileLaunch,
  encodePlan,
  type LaunchInput,
  type LaunchPlan,
  parseConfig,
} from "../../src/runtime/index.ts";
import { CortenError } from "../../src/spec/index.ts";
import { config, hostFacts, hybridCgroups, launchInput, unifiedCgroups } from "./launch-input.ts";
import { RecordingDouble } from "./recording-double.ts";

type Path = readonly (string | number)[];

/** A document that says something in most places where the standard lets it. */
function document(): unknown {
  const base = config();
  const hook = [{ path: "/bin/hook", args: ["hook"], env: ["A=b"], timeout: 2 }];
  return {
    ...base,
    domainname: "example",
    annotations: { "org.example": "1" },
    mounts: [
      ...base.mounts!,
      { destination: "/data", type: "bind", source: "data", options: ["rbind", "ro"] },
    ],
    hooks: {
      prestart: hook,
      createRuntime: hook,
      createContainer: hook,
      startContainer: hook,
      poststart: hook,
      poststop: hook,
    },
    process: {
      ...base.process!,
      oomScoreAdj: 1,
      scheduler: { policy: "SCHED_OTHER", nice: 1 },
      ioPriority: { class: "IOPRIO_CLASS_BE", priority: 1 },
    },
    linux: {
      ...base.linux!,
      sysctl: { "net.ipv4.ip_forward": "1" },
      cgroupsPath: "/a/b",
      devices: [{ path: "/dev/fuse", type: "c", major: 10, minor: 229, fileMode: 0o666, uid: 0, gid: 0 }],
      resources: { memory: { limit: 1_000_000 }, cpu: { shares: 100, cpus: "0" }, pids: { limit: 9 } },
      seccomp: {
        defaultAction: "SCMP_ACT_ERRNO",
        architectures: ["SCMP_ARCH_X86_64"],
        syscalls: [
          {
            names: ["read", "write"],
            action: "SCMP_ACT_ALLOW",
            args: [{ index: 0, value: 1, op: "SCMP_CMP_EQ" }],
          },
        ],
      },
      personality: { domain: "LINUX" },
      netDevices: { eth0: { name: "lan0" } },
    },
  };
}

/** Where the values of a document are. */
function placesOf(value: unknown, at: Path = []): Path[] {
  if (typeof value !== "object" || value === null) return [at];
  const names: readonly (string | number)[] = Array.isArray(value) ? [...value.keys()] : Object.keys(value);
  const below = names.flatMap((name) =>
    placesOf((value as Readonly<Record<string | number, unknown>>)[name], [...at, name]),
  );
  return at.length === 0 ? below : [at, ...below];
}

const PLACES = placesOf(document());

const hostile = fc.oneof(
  fc.constantFrom<unknown>(
    "..",
    "../../etc/passwd",
    "/..",
    "/../../etc",
    "/proc/self/../../etc/x",
    "a/../../b",
    "/a/b/../../../c",
    "",
    "/",
    ".",
    "a\0b",
    "a\nb",
    "\ud800",
    "x".repeat(5000),
    "__proto__",
    "constructor",
    -1,
    0,
    2 ** 31,
    2 ** 53 + 2,
    2 ** 64,
    1e300,
    0.5,
    true,
    null,
    [],
    {},
    [null],
    [[]],
  ),
  fc.jsonValue({ maxDepth: 2 }),
);

type Mutation = {
  readonly place: Path;
  readonly kind: "set" | "drop" | "twice" | "add";
  readonly value: unknown;
};

const mutation: fc.Arbitrary<Mutation> = fc.record({
  place: fc.constantFrom(...PLACES),
  kind: fc.constantFrom("set", "set", "set", "drop", "twice", "add"),
  value: hostile,
});

function mutate(root: unknown, { place, kind, value }: Mutation): void {
  let at = root as Record<string | number, unknown>;
  for (const name of place.slice(0, -1)) {
    const next = at[name];
    // An earlier mutation has taken it away.
    if (typeof next !== "object" || next === null) return;
    at = next as Record<string | number, unknown>;
  }
  const name = place.at(-1)!;
  if (kind === "drop") {
    if (Array.isArray(at)) at.splice(Number(name), 1);
    else delete at[name];
  } else if (kind === "twice" && Array.isArray(at)) at.push(at[Number(name)]);
  else if (kind === "add" && !Array.isArray(at)) at[String(value).slice(0, 300)] = at[name];
  else at[name] = value;
}

/** Operations whose relative paths lead above the directory that they start in. */
function escapes({ sections }: LaunchPlan): string[] {
  return Object.entries(sections).flatMap(([section, operations]) =>
    operations.flatMap((operation, index) => {
      const { op, dir, path } = operation as { op: string; dir?: unknown; path?: unknown };
      if (typeof dir !== "number" || typeof path !== "string") return [];
      let depth = 0;
      let isOut = path.startsWith("/");
      for (const name of path.split("/")) {
        if (name === "..") depth -= 1;
        else if (name !== "" && name !== ".") depth += 1;
        isOut ||= depth < 0;
      }
      return isOut ? [`${section}[${index}] ${op}: ${path}`] : [];
    }),
  );
}

describe("a mutated document", () => {
  it("gives a plan that keeps to the root, or one of our errors", { timeout: 60_000 }, () => {
    let compiled = 0;
    fc.assert(
      fc.property(
        fc.array(mutation, { minLength: 1, maxLength: 3 }),
        fc.constantFrom(hybridCgroups, unifiedCgroups),
        (mutations, cgroups) => {
          // Parts of the default configuration are shared by all that ask for it.
          const wanted = structuredClone(document());
          for (const change of mutations) mutate(wanted, change);
          try {
            const parsed = parseConfig(Buffer.from(JSON.stringify(wanted)));
            const input: LaunchInput = launchInput({
              config: parsed,
              host: hostFacts("6.18.0", cgroups),
              ...(parsed.linux?.seccomp === undefined
                ? {}
                : { seccomp: { program: new Uint8Array(8), flags: 0 } }),
            });
            const { plan } = compileLaunch(input);
            encodePlan(plan);
            compiled += 1;
            const allowed = { hostWrites: [input.stateDirectory, "/sys/fs/cgroup"], place: "/bundle/rootfs" };
            assert.deepEqual(new RecordingDouble(plan, allowed).violations, []);
            assert.deepEqual(escapes(plan), []);
          } catch (error) {
            if (!(error instanceof CortenError)) throw error;
            assert.notEqual(error.code, "internal");
          }
        },
      ),
      { numRuns: 1500 },
    );
    assert.ok(compiled > 100, `only ${compiled} documents could be compiled`);
  });

  it("would be noticed to lead out of the root", () => {
    const { plan } = compileLaunch(launchInput());
    assert.deepEqual(escapes(plan), []);
    const outside = { op: "makeDirectory", at: "", dir: 1, path: "a/../../etc", mode: 0o755 } as const;
    const container = [outside, ...plan.sections.container] as typeof plan.sections.container;
    assert.deepEqual(escapes({ ...plan, sections: { ...plan.sections, container } }), [
      "container[0] makeDirectory: a/../../etc",
    ]);
  });
});
