import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { encodePlan } from "../../src/runtime/index.ts";
import { builds, makePlan } from "../native/executor.ts";
import { answering } from "../native/seccomp.ts";
import { cortenOci, isRoot, makeBundle, temporaryDirectory } from "../support/index.ts";

const ENOSYS = 38;

/** Numbers that x86-64 and arm64 share. */
const CALLS = {
  pidfd_send_signal: 424,
  open_tree: 428,
  move_mount: 429,
  fsopen: 430,
  fsconfig: 431,
  fsmount: 432,
  fspick: 433,
  pidfd_open: 434,
  clone3: 435,
  close_range: 436,
  openat2: 437,
  faccessat2: 439,
  mount_setattr: 442,
  fchmodat2: 452,
} as const;

/** Calls that something else takes the place of. */
const REPLACED = ["pidfd_open", "clone3", "close_range", "faccessat2", "fchmodat2"] as const;

/** Calls that a start cannot do without, and the kernels that brought them. */
const NEEDED = {
  open_tree: "5.2",
  move_mount: "5.2",
  fsopen: "5.2",
  fsconfig: "5.2",
  fsmount: "5.2",
  openat2: "5.6",
  mount_setattr: "5.12",
} as const;

/** `corten-oci` where the kernel answers ENOSYS to some calls: an executor installs the filter and becomes it. */
describe("where a system call is missing", { skip: !isRoot }, () => {
  let scratch: ReturnType<typeof temporaryDirectory>;
  let bundle: string;
  let serial = 0;
  before(() => {
    scratch = temporaryDirectory("missing");
    bundle = join(scratch.path, "bundle");
    makeBundle(bundle, ["/bin/sh", "-c", "echo works; exit 7"]);
  });
  after(() => scratch[Symbol.dispose]());

  function without(calls: ReadonlyArray<keyof typeof CALLS>, args: readonly string[]) {
    const rules = calls.map((call) => ({ call: CALLS[call], errno: ENOSYS }));
    const plan = makePlan(scratch.path, {
      host: [
        { op: "setSeccomp", out: "$none", program: answering(rules), flags: 0 },
        {
          op: "execute",
          args: [cortenOci, "--root", join(scratch.path, "state"), ...args],
          env: ["PATH=/usr/sbin:/usr/bin:/sbin:/bin"],
        },
      ],
    });
    const file = join(scratch.path, `plan-${serial++}`);
    writeFileSync(file, encodePlan(plan));
    return [builds[0]!.init, file] as const;
  }

  const id = () => `missing-${process.pid}-${serial}`;

  function run(...calls: ReadonlyArray<keyof typeof CALLS>) {
    const [program, plan] = without(calls, ["run", "--bundle", bundle, id()]);
    return spawnSync(program, [plan], { encoding: "utf8", timeout: 30_000 });
  }

  for (const call of REPLACED) {
    test(`${call}: a container runs as ever`, () => {
      const { status, stdout, stderr } = run(call);
      assert.deepEqual([status, stdout, stderr], [7, "works\n", ""]);
    });
  }

  test("all of them at once: a container runs as ever", () => {
    const { status, stdout, stderr } = run(...REPLACED);
    assert.deepEqual([status, stdout, stderr], [7, "works\n", ""]);
  });

  for (const [call, version] of Object.entries(NEEDED)) {
    test(`${call}: the error names the call and the kernel, and nothing is left`, () => {
      const { status, stdout, stderr } = run(call as keyof typeof NEEDED);
      assert.notEqual(status, 0);
      assert.equal(stdout, "");
      assert.match(stderr, new RegExp(`${call}\\(.*ENOSYS`));
      assert.ok(stderr.includes(`${call} takes Linux ${version}`), stderr);
      const [program, plan] = without([], ["list", "--quiet"]);
      assert.equal(spawnSync(program, [plan], { encoding: "utf8" }).stdout, "");
    });
  }

  test("pidfd_open: a program joins a container, and a signal reaches one", async () => {
    const long = join(scratch.path, "long");
    makeBundle(long, ["/bin/sleep", "60"]);
    const name = id();
    const [maker, made] = without([], ["run", "--detach", "--bundle", long, name]);
    const child = spawn(maker, [made], { stdio: "ignore" });
    await once(child, "exit");
    try {
      const [program, plan] = without(["pidfd_open"], ["exec", name, "/bin/hostname"]);
      const { stdout, stderr } = spawnSync(program, [plan], { encoding: "utf8", timeout: 30_000 });
      assert.deepEqual([stdout, stderr], ["corten\n", ""]);
      const [unable, refused] = without(["pidfd_send_signal"], ["kill", name, "KILL"]);
      const { stderr: told } = spawnSync(unable, [refused], { encoding: "utf8", timeout: 30_000 });
      assert.match(told, /pidfd_send_signal takes Linux 5\.1/);
      const [killer, killed] = without(["pidfd_open"], ["kill", name, "KILL"]);
      assert.equal(spawnSync(killer, [killed], { encoding: "utf8", timeout: 30_000 }).stderr, "");
    } finally {
      const [remover, removed] = without([], ["delete", "--force", name]);
      spawnSync(remover, [removed]);
    }
  });
});
