import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { copyFileSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { isRoot, temporaryDirectory } from "../support/index.ts";
import { builds, type Draft, foreground, Kernel, makeBuilds, runPlan, shell } from "./executor.ts";
import { assemble } from "./seccomp.ts";

makeBuilds("all", "asan");

const CAP_NET_BIND_SERVICE = 10;
const CAP_CHOWN = 0;

/** Fails the system calls with these numbers with `errno` (or kills, for an action given whole). */
function denying(numbers: readonly number[], action: number): Uint8Array {
  return assemble([
    [0x20, 0, 0, 0],
    ...numbers.map((number, index) => [0x15, numbers.length - index, 0, number] as const),
    [0x06, 0, 0, 0x7fff0000],
    [0x06, 0, 0, action],
  ]);
}

const x64 = process.arch === "x64";
const CALL = x64 ? { mkdir: 83, mkdirat: 258, sendmsg: 46 } : { mkdir: 34, mkdirat: 34, sendmsg: 211 };
const ERRNO_EPERM = 0x00050001;
const KILL_PROCESS = 0x80000000;

for (const { name, init } of builds) {
  describe(`identity, ${name}`, { skip: !isRoot }, () => {
    const run = (scratch: string, container: readonly Draft[], flags = 0) =>
      runPlan(init, scratch, { host: foreground({ flags }), container });

    test("becomes another user with capabilities, limits, umask and no new privileges", () => {
      using scratch = temporaryDirectory("native");
      const mask = 2 ** CAP_NET_BIND_SERVICE;
      const result = run(scratch.path, [
        { op: "setsid" },
        { op: "setLimit", resource: 7, soft: 100, hard: 200 },
        { op: "setLimit", resource: 4, soft: 0, hard: 0 },
        { op: "setPersonality", domain: 8 },
        { op: "setDumpable", value: 0 },
        { op: "joinKeyring", name: "_ses.test" },
        { op: "dropBounding", mask: mask + 2 ** CAP_CHOWN },
        { op: "setUser", uid: 1234, gid: 5678, groups: ["7", "4294967294"] },
        { op: "setCapabilities", effective: mask, permitted: mask, inheritable: mask, ambient: mask },
        { op: "setNoNewPrivileges" },
        { op: "setUmask", mask: 0o77 },
        ...shell(
          "id -u; id -g; id -G; ulimit -n; ulimit -Hn; umask; uname -m; grep -E '^(Cap|NoNew|Sig(Blk|Ign))' /proc/self/status",
        ),
      ]);
      assert.equal(result.failure, undefined);
      const [uid, gid, groups, soft, hard, umask, machine, ...status] = result.stdout.trimEnd().split("\n");
      assert.deepEqual(
        [uid, gid, groups, soft, hard, umask],
        ["1234", "5678", "5678 7 4294967294", "100", "200", "0077"],
      );
      if (x64) assert.equal(machine, "i686");
      const value = Object.fromEntries(status.map((line) => line.split(/:\s+/) as [string, string]));
      const bits = (text: string | undefined) => Number.parseInt(text ?? "", 16);
      for (const set of ["CapInh", "CapPrm", "CapEff", "CapAmb"]) assert.equal(bits(value[set]), mask, set);
      assert.equal(bits(value["CapBnd"]), mask + 1);
      assert.equal(value["NoNewPrivs"], "1");
      assert.equal(bits(value["SigBlk"]), 0);
    });

    test("CVE-2016-8867: another user has no capability that the plan does not give", () => {
      using scratch = temporaryDirectory("native");
      const none = { effective: 0, permitted: 0, inheritable: 0, ambient: 0 };
      const result = run(scratch.path, [
        { op: "setUser", uid: 1, gid: 1 },
        { op: "setCapabilities", ...none },
        ...shell("grep -E '^Cap(Inh|Prm|Eff|Amb)' /proc/self/status | cut -f2 | sort -u; id -G"),
      ]);
      assert.equal(result.stdout, "0000000000000000\n1\n");
    });

    test("refuses groups that are no numbers", () => {
      using scratch = temporaryDirectory("native");
      for (const group of ["wheel", "", "-1", "4294967295", "1x"]) {
        const result = run(scratch.path, [
          { op: "setUser", uid: 0, gid: 0, groups: [group], at: "/process/user" },
        ]);
        assert.equal(result.failure?.message, `setgroups("${group}"): EINVAL`);
      }
    });

    test("sets host and domain name, and brings the loopback up, in its own namespaces", () => {
      using scratch = temporaryDirectory("native");
      const result = run(
        scratch.path,
        [
          { op: "unshare", flags: Kernel.CLONE_NEWNET },
          { op: "setHostname", name: "box" },
          { op: "setDomainname", name: "example.org" },
          { op: "raiseLoopback" },
          ...shell(
            'uname -n; cat /proc/sys/kernel/domainname; python3 -c \'import socket; s = socket.create_server(("127.0.0.1", 0)); socket.create_connection(s.getsockname()); print("up")\'',
          ),
        ],
        Kernel.CLONE_NEWUTS,
      );
      assert.equal(result.stdout, "box\nexample.org\nup\n");
    });

    test("joins namespaces by their files and by a process", () => {
      using scratch = temporaryDirectory("native");
      const result = run(
        scratch.path,
        [
          { op: "setHostname", name: "inner" },
          { op: "open", out: "$own", path: "/proc/self/ns/uts" },
          { op: "open", out: "$host", path: `/proc/${process.pid}/ns/uts` },
          { op: "join", fd: "$host", flags: Kernel.CLONE_NEWUTS },
          { op: "join", fd: "$own", flags: 0 },
          { op: "openProcess", out: "$test", pid: process.pid, startTime: 0 },
          { op: "join", fd: "$test", flags: Kernel.CLONE_NEWNET | Kernel.CLONE_NEWIPC },
          ...shell("uname -n"),
        ],
        Kernel.CLONE_NEWUTS,
      );
      assert.equal(result.stdout, "inner\n");
      const wrong = run(scratch.path, [
        { op: "openProcess", out: "$p", pid: process.pid, startTime: 1, at: "/linux" },
      ]);
      assert.equal(wrong.failure?.symbol, "ESRCH");
    });

    test("maps ids in a user namespace: the host writes for its child", () => {
      using scratch = temporaryDirectory("native");
      const result = runPlan(init, scratch.path, {
        host: [
          { op: "clone", flags: Kernel.CLONE_NEWUSER },
          { op: "writeProcess", file: "setgroups", data: "deny" },
          { op: "writeProcess", file: "gid_map", data: "0 1000 1\n" },
          { op: "writeProcess", file: "uid_map", data: "0 1000 1\n" },
          { op: "writeProcess", file: "oom_score_adj", data: "77" },
          { op: "notify", event: 1 },
          { op: "awaitExec" },
          { op: "supervise" },
        ],
        container: [
          { op: "await", event: 1 },
          { op: "setUser", uid: 0, gid: 0, setgroups: 0 },
          ...shell("id -u; cat /proc/self/uid_map /proc/self/oom_score_adj"),
        ],
      });
      assert.equal(result.failure, undefined);
      assert.match(result.stdout, /^0\n\s+0\s+1000\s+1\n77\n$/);
    });

    test("filters system calls", () => {
      using scratch = temporaryDirectory("native");
      const result = run(scratch.path, [
        { op: "setNoNewPrivileges" },
        { op: "setSeccomp", out: "$n", program: denying([CALL.mkdir, CALL.mkdirat], ERRNO_EPERM), flags: 0 },
        ...shell(`mkdir ${scratch.path}/x || exit 5`),
      ]);
      assert.equal(result.status, 5);
      assert.match(result.stderr, /Operation not permitted/);
      const bad = run(scratch.path, [{ op: "setSeccomp", out: "$n", program: new Uint8Array(12), flags: 0 }]);
      assert.equal(bad.failure?.symbol, "EINVAL");
    });

    test("copes with a filter that does not let the executor report", () => {
      using scratch = temporaryDirectory("native");
      const silent = run(scratch.path, [
        { op: "setSeccomp", out: "$n", program: denying([CALL.sendmsg], ERRNO_EPERM), flags: 0 },
        ...shell("exit 6"),
      ]);
      assert.deepEqual([silent.status, silent.failure], [6, undefined]);
      const lost = run(scratch.path, [
        { op: "setSeccomp", out: "$n", program: denying([CALL.sendmsg], ERRNO_EPERM), flags: 0 },
        { op: "execute", args: ["/no/such"] },
      ]);
      assert.equal(lost.status, 125);
      assert.equal(lost.stderr, 'corten-init: execve("/no/such"): ENOENT\n');
      assert.equal(lost.failure?.message, "the container's process exited with 127");
      const killed = run(scratch.path, [
        { op: "setSeccomp", out: "$n", program: denying([CALL.sendmsg], KILL_PROCESS), flags: 0 },
        ...shell("exit 6"),
      ]);
      assert.equal(killed.failure?.message, "the container's process was killed by SIGSYS");
    });

    test("hands out the listener of a filter", () => {
      using scratch = temporaryDirectory("native");
      const result = run(scratch.path, [
        // Notifies of nothing: all is allowed.
        { op: "setSeccomp", out: "$listener", program: assemble([[0x06, 0, 0, 0x7fff0000]]), flags: 8 },
        { op: "setStdio", stdin: "$listener" },
        ...shell("readlink /proc/self/fd/0"),
      ]);
      assert.match(result.stdout, /seccomp notify/);
    });

    test("enters a working directory, makes one, and is not led outside (CVE-2024-21626)", () => {
      using scratch = temporaryDirectory("native");
      mkdirSync(join(scratch.path, "root/work"), { recursive: true });
      const enter = (path: string, create: number, extra: readonly Draft[] = []) =>
        run(scratch.path, [
          { op: "open", out: "$host", path: "/" },
          { op: "changeDirectory", path: scratch.path },
          ...extra,
          { op: "changeDirectory", path, create, at: "/process/cwd" },
          ...shell("pwd"),
        ]);
      assert.equal(enter(join(scratch.path, "root/work"), 0).stdout, `${scratch.path}/root/work\n`);
      assert.equal(enter(join(scratch.path, "root/new/deep"), 1).stdout, `${scratch.path}/root/new/deep\n`);
      assert.equal(enter(join(scratch.path, "none"), 0).failure?.symbol, "ENOENT");
      for (let fd = 3; fd < 12; fd++) {
        assert.equal(enter(`/proc/self/fd/${fd}`, 0).status, 125, `descriptor ${fd}`);
      }
      const linked = enter("/proc/self/cwd", 0);
      assert.equal(linked.failure?.kind, "safety");
    });

    test("finds the user's home in the container's account file, whatever stands there", () => {
      using scratch = temporaryDirectory("native");
      const root = join(scratch.path, "root");
      mkdirSync(join(root, "etc"), { recursive: true });
      for (const directory of ["usr", "bin", "lib", "lib64"]) mkdirSync(join(root, directory));
      const accounts = join(root, "etc/passwd");
      const homeOf = (uid: number, env: readonly string[] = []) => {
        const { stdout, failure } = run(scratch.path, [
          { op: "open", out: "$root", path: root, flags: 0o10200000 },
          { op: "changeRoot", root: "$root" },
          { op: "findHome", uid, at: "/process/env" },
          { op: "execute", args: ["/env"], env: [...env] },
        ]);
        assert.equal(failure, undefined);
        return stdout;
      };
      copyFileSync("/bin/busybox", join(root, "env"));
      assert.equal(homeOf(0, ["A=b"]), "A=b\nHOME=/\n");
      writeFileSync(
        accounts,
        `root:x:0:0:root:/root:/bin/sh\nx:x:7:7\nx:x::1::/empty:\nx:x:4294967303:7::/wrapped:\nrel:x:8:8::home:\n` +
          `long:x:9:9::/${"h".repeat(2000)}:\nu:x:7:7:${"g".repeat(9000)}:/home/u:/bin/sh\nu:x:7:7::/second:\nlast:x:10:10::/home/last`,
      );
      assert.deepEqual(
        [0, 7, 8, 9, 10, 11].map((uid) => homeOf(uid)),
        ["/root", "/home/u", "/", "/", "/home/last", "/"].map((home) => `HOME=${home}\n`),
      );
      for (const target of ["/dev/zero", "/etc", "/etc/passwd", "/nowhere"]) {
        rmSync(accounts);
        symlinkSync(target, accounts);
        assert.equal(homeOf(0), "HOME=/\n", target);
      }
      rmSync(accounts);
      assert.equal(spawnSync("mkfifo", [accounts]).status, 0);
      assert.equal(homeOf(0), "HOME=/\n");
    });

    test("finds the program as execvp does", () => {
      using scratch = temporaryDirectory("native");
      const find = (name_: string, path: string) =>
        run(scratch.path, [
          { op: "findExecutable", name: name_, path, at: "/process/args/0" },
          { op: "closeFrom" },
          { op: "execute", args: [name_, "-c", "echo $0"], env: [] },
        ]);
      assert.equal(find("sh", "/no/such:/bin").stdout, "sh\n");
      assert.equal(find("/bin/sh", "").stdout, "/bin/sh\n");
      for (const [name_, path, symbol, message] of [
        ["nosuch", "/bin:/usr/bin", "ENOENT", 'exec: "nosuch": executable file not found in $PATH'],
        ["", "/bin", "ENOENT", 'exec: "": executable file not found in $PATH'],
        ["passwd", "/etc", "EACCES", 'exec: "passwd": permission denied'],
        ["/etc", "", "EISDIR", 'exec: "/etc": is a directory'],
        ["/no/such", "", "ENOENT", 'exec: "/no/such": stat /no/such: no such file or directory'],
      ] as const) {
        const { failure } = find(name_, path);
        assert.deepEqual([failure?.kind, failure?.symbol, failure?.message], ["executable", symbol, message]);
      }
    });
  });
}
