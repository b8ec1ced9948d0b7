import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, test } from "node:test";
import { command, corten, isRoot } from "../support/index.ts";

type Finding = {
  readonly group: string;
  readonly name: string;
  readonly works: boolean;
  readonly needed: boolean;
  readonly detail: string;
  readonly without?: string;
  readonly remedy?: string;
};

/** Becomes a program under a seccomp filter by which unshare and setns fail with EPERM. */
const forbidding = `
import ctypes, os, struct, sys
libc = ctypes.CDLL(None, use_errno=True)
def op(code, jt, jf, k): return struct.pack("HBBI", code, jt, jf, k)
numbers = {"x86_64": (272, 308), "aarch64": (97, 268)}[os.uname().machine]
program = (op(0x20, 0, 0, 0) + op(0x15, 1, 0, numbers[0]) + op(0x15, 0, 1, numbers[1])
           + op(0x06, 0, 0, 0x00050001) + op(0x06, 0, 0, 0x7fff0000))
buffer = ctypes.create_string_buffer(program)
prog = struct.pack("HxxxxxxQ", len(program) // 8, ctypes.addressof(buffer))
assert libc.prctl(38, 1, 0, 0, 0) == 0
assert libc.prctl(22, 2, ctypes.c_char_p(prog), 0, 0) == 0
os.execv(sys.argv[1], sys.argv[1:])
`;

async function examine(prefix: readonly string[] = []) {
  const [program, ...args] = [...prefix, corten, "doctor", "--format", "json"] as unknown as [
    string,
    ...string[],
  ];
  const { stdout, stderr, exitCode } = await command(program, args, { env: { HOME: "/tmp" } });
  assert.equal(stderr, "");
  const { healthy, findings } = JSON.parse(stdout) as { healthy: boolean; findings: Finding[] };
  assert.equal(exitCode, healthy ? 0 : 1);
  const named = (name: string) => findings.find((finding) => finding.name === name)!;
  for (const { works, name, without, remedy } of findings) {
    if (!works) assert.ok(without && remedy, `${name} says what still works and what to do`);
  }
  return { healthy, findings, named };
}

describe("corten doctor", { skip: !isRoot, timeout: 60_000 }, () => {
  test("as root: every probe was tried, and nothing is left of them", async () => {
    const mounts = () => readFileSync("/proc/self/mountinfo", "utf8").split("\n").length;
    const before = mounts();
    const { findings, named } = await examine();
    assert.deepEqual(
      findings.filter(({ detail }) => detail === "not tried"),
      [],
    );
    assert.equal(named("mount namespaces").works, true);
    assert.equal(named("pidfd").works, true);
    assert.ok(Math.abs(mounts() - before) <= 20);
    assert.ok(!readFileSync("/proc/self/mountinfo", "utf8").includes("corten-doctor"));
  });

  test("the table says the same, with what to do", async () => {
    const { stdout } = await command(corten, ["doctor"]);
    assert.match(stdout, /^Namespaces$/m);
    assert.match(stdout, /^ {2}yes {6}mount namespaces +works$/m);
    assert.match(stdout, /containers can run here|something that every container needs is missing/);
  });

  test("as an ordinary user: what a user namespace gives, and what it does not", async () => {
    const { named, findings } = await examine([
      ...["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"],
    ]);
    assert.equal(named("mount namespaces").works, false);
    assert.equal(named("mount namespaces").needed, false);
    assert.equal(named("mount namespaces").detail, "EPERM");
    assert.equal(named("user namespaces").needed, true);
    assert.ok(findings.some(({ name }) => name === "subordinate user ranges"));
    assert.match(named("groups can be made").remedy ?? "", /Delegate=yes/);
  });

  test("under a seccomp filter that forbids unshare: it is named, and the exit code is 1", async () => {
    const { healthy, named } = await examine(["python3", "-c", forbidding]);
    assert.equal(healthy, false);
    const finding = named("mount namespaces");
    assert.deepEqual([finding.works, finding.needed, finding.detail], [false, true, "EPERM"]);
    assert.match(finding.remedy!, /seccomp filter is in force.*seccomp=unconfined/);
    assert.equal(named("pidfd").works, true);
  });
});
