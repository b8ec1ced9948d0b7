import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { compileSeccomp, syscallNumbers, unknownSyscalls } from "../../../runtime/index.ts";
import { DEFAULT_CAPABILITIES, everyCapability } from "../capabilities.ts";
import { CAPABILITY_CALLS, COMMON_CALLS } from "./calls.ts";
import { defaultProfile } from "./default-profile.ts";
import { generateDefaultFilter } from "./generated-filter.ts";

const [X86_64, X86, AARCH64] = [0xc000_003e, 0x4000_0003, 0xc000_00b7];
const ALLOW = 0x7fff_0000;
const errno = (number: number) => 0x0005_0000 + number;
const [EPERM, ENOSYS] = [errno(1), errno(38)];
const numbers = syscallNumbers("X86_64");

function caller(capabilities: readonly string[]) {
  const { program } = compileSeccomp(defaultProfile(capabilities, "x64"), "X86_64");
  return (name: string, ...args: bigint[]) => runFilter(program, X86_64, numbers.get(name)!, args);
}

describe("the default seccomp profile", () => {
  const call = caller(DEFAULT_CAPABILITIES);

  test("names real calls, each once, and real capabilities", () => {
    assert.deepEqual(unknownSyscalls(defaultProfile(everyCapability())), []);
    const names = Object.values(COMMON_CALLS).flatMap((calls) => calls.split(" "));
    assert.equal(new Set(names).size, names.length);
    for (const name of Object.keys(CAPABILITY_CALLS)) assert.ok(everyCapability().includes(name), name);
  });

  test("answers calls with the default capabilities", () => {
    for (const name of ["read", "execve", "futex", "chroot", "ptrace", "mknod"])
      assert.equal(call(name), ALLOW);
    const denied =
      "keyctl add_key request_key bpf mount umount2 unshare setns pivot_root reboot init_module kexec_load swapon io_uring_setup userfaultfd perf_event_open open_by_handle_at settimeofday syslog iopl acct vhangup mbind kcmp fsopen open_tree move_mount";
    for (const name of denied.split(" ")) assert.equal(call(name), EPERM, name);
    assert.equal(call("clone", 0x11n), ALLOW);
    assert.equal(call("clone", 0x1000_0011n), EPERM);
    assert.equal(call("clone3"), ENOSYS);
    assert.equal(call("personality", 8n), ALLOW);
    assert.equal(call("personality", 0x4_0000n), EPERM);
    const { program } = compileSeccomp(defaultProfile(DEFAULT_CAPABILITIES, "x64"), "X86_64");
    assert.equal(runFilter(program, X86_64, 600), ENOSYS);
    assert.equal(runFilter(program, X86_64, 0x4000_0000), 0x8000_0000);
  });

  test("has sockets of all families but two, whatever is in the upper half of the register", () => {
    for (const family of [1n, 2n, 10n, 16n, 17n, 39n, 44n]) assert.equal(call("socket", family), ALLOW);
    for (const family of [38n, 40n, (1n << 32n) + 38n, (1n << 32n) + 40n]) {
      assert.equal(call("socket", family), EPERM, String(family));
    }
    assert.equal(call("socket", 16n, 3n, 9n), ALLOW);
    assert.equal(caller([])("socket", 16n, 3n, (1n << 32n) + 9n), errno(22));
    const { program } = compileSeccomp(defaultProfile(DEFAULT_CAPABILITIES, "x64"), "X86_64");
    const socketcall = syscallNumbers("X86").get("socketcall")!;
    for (const way of [1n, 3n]) assert.equal(runFilter(program, X86, socketcall, [way]), ENOSYS);
  });

  test("ties calls to capabilities", () => {
    for (const [capability, calls] of Object.entries(CAPABILITY_CALLS)) {
      const [having, lacking] = [caller([capability]), caller([])];
      for (const name of calls.split(" ").filter((each) => numbers.has(each))) {
        assert.equal(having(name, 0x7e02_0000n), ALLOW, `${name} with ${capability}`);
        assert.notEqual(lacking(name, 0x7e02_0000n), ALLOW, `${name} without ${capability}`);
      }
    }
  });

  test("has aarch64, too", () => {
    const { program } = compileSeccomp(defaultProfile(DEFAULT_CAPABILITIES, "arm64"), "AARCH64");
    const arm = syscallNumbers("AARCH64");
    assert.equal(runFilter(program, AARCH64, arm.get("openat")!), ALLOW);
    assert.equal(runFilter(program, AARCH64, arm.get("mount")!), EPERM);
  });

  test("is compiled into the program as it is", () => {
    const file = join(import.meta.dirname, "default-filter.gen.ts");
    assert.equal(readFileSync(file, "utf8"), generateDefaultFilter());
  });
});

/** Runs a filter over one call, as the kernel would. */
function runFilter(program: Uint8Array, machine: number, call: number, args: readonly bigint[] = []): number {
  const view = new DataView(program.buffer, program.byteOffset, program.length);
  const words = [call, machine, 0, 0, ...args.flatMap((value) => [value, value >> 32n])];
  let word = 0;
  for (let at = 0; ; at += 8) {
    const [code, k] = [view.getUint16(at, true), view.getUint32(at + 4, true)];
    const skip = (holds: boolean) => 8 * view.getUint8(at + (holds ? 2 : 3));
    if (code === 0x06) return k;
    if (code === 0x20) word = Number(BigInt.asUintN(32, BigInt(words[k / 4] ?? 0)));
    else if (code === 0x54) word = (word & k) >>> 0;
    else if (code === 0x05) at += 8 * k;
    else at += skip(code === 0x15 ? word === k : code === 0x25 ? word > k : word >= k);
  }
}
