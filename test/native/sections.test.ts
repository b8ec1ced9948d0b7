import assert from "node:assert/strict";
import {
  chmodSync,
  existsSync,
  lstatSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { isRoot, temporaryDirectory } from "../support/index.ts";
import { builds, foreground, Kernel, makeBuilds, runFile, runPlan, shell, writePlan } from "./executor.ts";

makeBuilds("all", "asan");

for (const { name, init } of builds) {
  describe(`sections, ${name}`, { skip: !isRoot }, () => {
    test("runs a program in new namespaces and takes its exit code", () => {
      using scratch = temporaryDirectory("native");
      const result = runPlan(init, scratch.path, {
        host: [
          { op: "clone", flags: Kernel.CLONE_NEWPID | Kernel.CLONE_NEWNS },
          { op: "await", event: 1 },
          { op: "recordProcess", path: join(scratch.path, "pid") },
          { op: "recordProcess", path: join(scratch.path, "pid-file"), plain: 1 },
          { op: "notify", event: 2 },
          { op: "awaitExec" },
          { op: "supervise" },
          { op: "recordExit", path: join(scratch.path, "exit") },
        ],
        container: [{ op: "notify", event: 1 }, { op: "await", event: 2 }, ...shell("echo pid $$; exit 7")],
      });
      assert.equal(result.stderr, "");
      assert.equal(result.stdout, "pid 1\n");
      assert.equal(result.status, 7);
      assert.equal(result.failure, undefined);
      const pid = readFileSync(join(scratch.path, "pid"), "utf8");
      assert.match(pid, /^\d+ \d+\n$/);
      assert.equal(readFileSync(join(scratch.path, "pid-file"), "utf8"), pid.split(" ")[0]);
      assert.match(readFileSync(join(scratch.path, "exit"), "utf8"), /^7 0 0 \d+\.\d{9}\n$/);
      assert.equal(existsSync(join(scratch.path, "plan")), false, "the plan is unlinked");
    });

    test("turns the end by a signal into 128 + its number", () => {
      using scratch = temporaryDirectory("native");
      const result = runPlan(init, scratch.path, {
        host: [...foreground(), { op: "recordExit", path: join(scratch.path, "exit") }],
        container: shell("kill -TERM $$"),
      });
      assert.equal(result.status, 143);
      assert.match(readFileSync(join(scratch.path, "exit"), "utf8"), /^143 15 0 /);
    });

    test("counts kills for want of memory in both versions' files", () => {
      using scratch = temporaryDirectory("native");
      for (const [text, expected] of [
        ["low 0\nhigh 0\nmax 3\noom 1\noom_kill 1\noom_group_kill 0\n", "1"],
        ["oom_kill_disable 0\nunder_oom 0\noom_kill 2\n", "1"],
        ["low 0\noom_kill 0\n", "0"],
      ] as const) {
        writeFileSync(join(scratch.path, "events"), text);
        runPlan(init, scratch.path, {
          host: [
            ...foreground(),
            { op: "recordExit", path: join(scratch.path, "exit"), events: join(scratch.path, "events") },
          ],
          container: shell("true"),
        });
        assert.equal(readFileSync(join(scratch.path, "exit"), "utf8").split(" ")[2], expected);
      }
    });

    test("runs the cleanup section after the end, and skips what was never made", () => {
      using scratch = temporaryDirectory("native");
      writeFileSync(join(scratch.path, "left"), "");
      const result = runPlan(init, scratch.path, {
        host: foreground(),
        container: shell("exit 3"),
        cleanup: [
          { op: "setOwner", fd: "$never", mode: 0 },
          { op: "remove", path: join(scratch.path, "left") },
          { op: "remove", path: join(scratch.path, "left") },
        ],
      });
      assert.deepEqual([result.status, result.stderr], [3, ""]);
      assert.equal(existsSync(join(scratch.path, "left")), false);
    });

    test("goes on cleaning up after one operation failed, and says so", () => {
      using scratch = temporaryDirectory("native");
      const result = runPlan(init, scratch.path, {
        host: [{ op: "makeDirectory", path: join(scratch.path, "a") }],
        cleanup: [
          { op: "write", path: "/proc/self/nothing", data: "", at: "/linux/x" },
          { op: "remove", path: join(scratch.path, "a") },
        ],
      });
      assert.equal(result.status, 0);
      assert.match(
        result.stderr,
        /^corten-init: warning: cleaning up: \/linux\/x: openat\(AT_FDCWD, .*\): ENOENT\n$/,
      );
      assert.equal(existsSync(join(scratch.path, "a")), false);
    });

    test("finish leaves the child alone and does not clean up", () => {
      using scratch = temporaryDirectory("native");
      const done = join(scratch.path, "done");
      writeFileSync(join(scratch.path, "kept"), "");
      const result = runPlan(init, scratch.path, {
        host: [{ op: "clone" }, { op: "awaitExec" }, { op: "finish", code: 4 }],
        container: shell(`exec </dev/null >/dev/null 2>&1; sleep 0.2; echo alive > ${done}`),
        cleanup: [{ op: "remove", path: join(scratch.path, "kept") }],
      });
      assert.equal(result.status, 4);
      waitUntil(() => existsSync(done) && readFileSync(done, "utf8") === "alive\n");
      assert.ok(existsSync(join(scratch.path, "kept")));
    });

    test("a host section that ends without finish kills its child", () => {
      using scratch = temporaryDirectory("native");
      const result = runPlan(init, scratch.path, {
        host: [{ op: "clone" }, { op: "awaitExec" }],
        container: shell("exec sleep 100"),
      });
      assert.equal(result.status, 0);
    });

    test("records a failure of the host section with operation, arguments, errno and setting", () => {
      using scratch = temporaryDirectory("native");
      const result = runPlan(init, scratch.path, {
        host: [
          { op: "open", out: "$rootfs", path: scratch.path, flags: Kernel.O_PATH },
          { op: "open", out: "$x", dir: "$rootfs", path: "a\tb", at: "/mounts/4" },
        ],
        cleanup: [{ op: "makeDirectory", path: join(scratch.path, "cleaned") }],
      });
      assert.equal(result.status, 125);
      assert.equal(result.stderr, "");
      const { message, ...record } = result.failure!;
      assert.deepEqual(record, {
        section: "host",
        index: 1,
        operation: "open",
        at: "/mounts/4",
        errno: 2,
        symbol: "ENOENT",
        kind: "errno",
      });
      assert.match(message, /^openat\(\[\d+\]<rootfs>, "a\\x09b", 00\): ENOENT$/);
      assert.ok(existsSync(join(scratch.path, "cleaned")));
      assert.equal(statSync(join(scratch.path, "failure")).mode & 0o777, 0o600);
    });

    test("records a failure of the container section, kills and reaps it", () => {
      using scratch = temporaryDirectory("native");
      const result = runPlan(init, scratch.path, {
        host: [{ op: "clone" }, { op: "await", event: 1 }, { op: "supervise" }],
        container: [{ op: "setHostname", name: "x".repeat(100), at: "/hostname" }],
      });
      assert.equal(result.status, 125);
      assert.deepEqual(
        { ...result.failure, message: "" },
        {
          section: "container",
          index: 0,
          operation: "setHostname",
          at: "/hostname",
          errno: 22,
          symbol: "EINVAL",
          kind: "errno",
          message: "",
        },
      );
    });

    test("a failure seen while supervising, and one that the host's own operation ran into", () => {
      using scratch = temporaryDirectory("native");
      const late = runPlan(init, scratch.path, {
        host: [{ op: "clone" }, { op: "supervise" }],
        container: [{ op: "execute", args: ["/no/such"], at: "/process/args" }],
      });
      assert.equal(late.failure?.message, 'execve("/no/such"): ENOENT');
      assert.equal(late.failure?.kind, "executable");
      const other = runPlan(init, scratch.path, {
        host: [{ op: "clone" }, { op: "receiveFromChild", out: "$fd" }],
        container: [{ op: "open", out: "$fd", path: "/no/such" }],
      });
      assert.equal(other.failure?.section, "container");
    });

    test("tells of a child that was killed, and of a wrong order of events", () => {
      using scratch = temporaryDirectory("native");
      const killed = runPlan(init, scratch.path, {
        host: [{ op: "clone" }, { op: "signal", process: "$child", signal: 9 }, { op: "await", event: 1 }],
        container: [{ op: "await", event: 9 }],
      });
      assert.equal(killed.failure?.kind, "signal");
      assert.match(killed.failure!.message, /SIGKILL/);
      const order = runPlan(init, scratch.path, {
        host: [{ op: "clone" }, { op: "await", event: 1 }],
        container: [
          { op: "notify", event: 2 },
          { op: "await", event: 9 },
        ],
      });
      assert.equal(order.failure?.kind, "protocol");
      assert.equal(order.failure?.message, "expected event 1 of the other section, got 2");
      const empty = runPlan(init, scratch.path, { host: [{ op: "setOwner", fd: "$nothing", mode: 0 }] });
      assert.equal(empty.failure?.message, "register 0 <nothing> is empty");
      const end = runPlan(init, scratch.path, {
        host: [{ op: "clone" }, { op: "awaitExec" }],
        container: [{ op: "setsid" }],
      });
      assert.equal(end.failure?.message, "the container section ended without becoming a program");
    });

    test("becomes the onFailure program with its own environment, umask and signal mask", () => {
      using scratch = temporaryDirectory("native");
      const result = runPlan(
        init,
        scratch.path,
        {
          host: [{ op: "open", out: "$x", path: "/no/such" }],
          onFailure: [
            "/bin/sh",
            "-c",
            "echo $0 $1 $MARK; umask; grep SigBlk /proc/self/status; exit 9",
            "a",
            "b c",
          ],
        },
        { env: { PATH: "/usr/bin:/bin", MARK: "kept", ASAN_OPTIONS: "detect_leaks=0" } },
      );
      assert.equal(result.status, 9);
      assert.match(result.stdout, /^a b c kept\n00?22\nSigBlk:\s+0+\n$/);
    });

    test("replaces an old failure record and never writes through a link", () => {
      using scratch = temporaryDirectory("native");
      const victim = join(scratch.path, "victim");
      writeFileSync(victim, "untouched");
      symlinkSync(victim, join(scratch.path, "failure"));
      runFile(init, writePlan(scratch.path, { host: [{ op: "open", out: "$x", path: "/no/such" }] }));
      assert.equal(readFileSync(victim, "utf8"), "untouched");
      assert.ok(lstatSync(join(scratch.path, "failure")).isFile());
    });

    test("refuses plans that are not a private regular file", () => {
      using scratch = temporaryDirectory("native");
      const plan = writePlan(scratch.path, { host: [{ op: "finish" }] });
      symlinkSync(plan, join(scratch.path, "link"));
      assert.equal(runFile(init, join(scratch.path, "link")).status, 125);
      assert.match(runFile(init, scratch.path).stderr, /the plan is not a regular file/);
      assert.match(runFile(init, join(scratch.path, "none")).stderr, /^corten-init: .*none: open: ENOENT\n$/);
      chmodSync(plan, 0o644);
      assert.equal(runFile(init, plan).status, 0);
    });
  });
}

function waitUntil(condition: () => boolean): void {
  const end = Date.now() + 5000;
  while (!condition()) {
    assert.ok(Date.now() < end, "it did not happen in time");
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 20);
  }
}
