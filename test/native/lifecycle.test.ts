import assert from "node:assert/strict";
import { once } from "node:events";
import { chmodSync, existsSync, readdirSync, readFileSync, readlinkSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { isRoot, temporaryDirectory } from "../support/index.ts";
import {
  builds,
  foreground,
  Kernel,
  makeBuilds,
  readFailure,
  runPlan,
  shell,
  writePlan,
} from "./executor.ts";
import { processState, start, until } from "./running.ts";

makeBuilds("all", "asan");

for (const { name, init } of builds) {
  describe(`life of the child, ${name}`, { skip: !isRoot }, () => {
    test("a child's failure is heard although it left unread what it was sent", () => {
      using scratch = temporaryDirectory("native");
      const result = runPlan(init, scratch.path, {
        host: [{ op: "clone" }, { op: "notify", event: 1 }, { op: "await", event: 2 }],
        container: [
          { op: "hook", path: "/bin/sleep", args: ["sleep", "0.1"] },
          { op: "open", out: "$file", path: "/no/such/file" },
        ],
      });
      assert.match(result.failure?.message ?? "", /no\/such\/file/);
    });

    test("create: the child waits at the FIFO, lives without its parent, and runs when it is opened", async () => {
      using scratch = temporaryDirectory("native");
      chmodSync(scratch.path, 0o777);
      const [fifo, pidFile, out] = ["fifo", "pid", "out"].map((path) => join(scratch.path, path)) as [
        string,
        string,
        string,
      ];
      const result = runPlan(init, scratch.path, {
        host: [
          { op: "makeFifo", path: fifo, mode: 0o622 },
          { op: "open", out: "$fifo", path: fifo, flags: Kernel.O_PATH },
          { op: "open", out: "$host", path: "/" },
          { op: "open", out: "$null", path: "/dev/null", flags: 2 },
          { op: "clone", flags: Kernel.CLONE_NEWNS | Kernel.CLONE_NEWPID },
          { op: "await", event: 1 },
          { op: "recordProcess", path: pidFile },
          { op: "finish" },
        ],
        container: [
          { op: "setStdio", stdin: "$null", stdout: "$null", stderr: "$null" },
          { op: "setUser", uid: 1234, gid: 1234 },
          { op: "notify", event: 1 },
          { op: "awaitStart", fifo: "$fifo" },
          { op: "close", fd: "$fifo" },
          ...shell(`echo started > ${out}; kill -TERM $$; echo ignored >> ${out}`),
        ],
      });
      assert.deepEqual([result.status, result.failure, result.stderr], [0, undefined, ""]);
      const pid = Number.parseInt(readFileSync(pidFile, "utf8"), 10);
      assert.equal(processState(pid), "S");
      const status = readFileSync(`/proc/${pid}/status`, "utf8");
      const open = readdirSync(`/proc/${pid}/fd`).map((fd) => readlinkSync(`/proc/${pid}/fd/${fd}`));
      assert.deepEqual(
        open.filter((target) => target !== "/dev/null" && target !== fifo && !target.startsWith("socket:")),
        [],
        "no descriptor of the host's",
      );
      assert.match(status, /^SigBlk:\s+0+$/m);
      assert.equal(existsSync(out), false);
      assert.equal(readFileSync(fifo, "utf8"), "0");
      await until(() => processState(pid) === "gone" || processState(pid) === "Z");
      assert.equal(readFileSync(out, "utf8"), "started\nignored\n");
    });

    test("a failure after the FIFO goes to stderr, and through the FIFO to who started it", async () => {
      using scratch = temporaryDirectory("native");
      const fifo = join(scratch.path, "fifo");
      const plan = writePlan(scratch.path, {
        host: [
          { op: "makeFifo", path: fifo, mode: 0o600 },
          { op: "open", out: "$fifo", path: fifo, flags: Kernel.O_PATH },
          { op: "clone" },
          { op: "finish" },
        ],
        container: [
          // A root without /proc.
          { op: "open", out: "$root", path: scratch.path, flags: Kernel.O_PATH },
          { op: "changeRoot", root: "$root" },
          { op: "awaitStart", fifo: "$fifo" },
          { op: "execute", args: ["/no/such"] },
        ],
      });
      const { text, closed, child } = start(init, plan);
      await once(child, "exit");
      const record = [
        "container",
        "3",
        "execute",
        "",
        "2",
        "ENOENT",
        "executable",
        'execve("/no/such"): ENOENT',
        "",
      ];
      assert.equal(readFileSync(fifo, "utf8"), `0${record.join("\0")}`);
      assert.deepEqual(await closed, [0, null]);
      assert.equal(text.err, 'corten-init: execve("/no/such"): ENOENT\n');
    });

    test("the container section dies with the host section", async () => {
      using scratch = temporaryDirectory("native");
      const pidFile = join(scratch.path, "pid");
      const plan = writePlan(scratch.path, {
        host: [
          { op: "clone", flags: Kernel.CLONE_NEWPID },
          { op: "recordProcess", path: pidFile },
          { op: "await", event: 1 },
        ],
        container: [
          { op: "setUser", uid: 1, gid: 1 },
          { op: "await", event: 2 },
        ],
      });
      const { child, closed } = start(init, plan);
      await until(() => existsSync(pidFile));
      await sleep(50);
      child.kill("SIGKILL");
      await closed;
      const pid = Number.parseInt(readFileSync(pidFile, "utf8"), 10);
      await until(() => ["gone", "Z"].includes(processState(pid)));
    });

    test("is interrupted where it waits, and cleans up", async () => {
      using scratch = temporaryDirectory("native");
      const pidFile = join(scratch.path, "pid");
      const plan = writePlan(scratch.path, {
        host: [
          { op: "clone" },
          { op: "recordProcess", path: pidFile },
          { op: "await", event: 1, at: "/hooks" },
        ],
        container: [{ op: "await", event: 2 }],
        cleanup: [{ op: "remove", path: pidFile }],
      });
      const { child, closed } = start(init, plan);
      await until(() => existsSync(pidFile));
      child.kill("SIGTERM");
      assert.deepEqual(await closed, [125, null]);
      assert.equal(readFailure(scratch.path)?.message, "interrupted by SIGTERM");
      assert.equal(readFailure(scratch.path)?.kind, "signal");
      assert.equal(existsSync(pidFile), false);
    });

    test("forwards signals while it supervises, and reaps orphans", async () => {
      using scratch = temporaryDirectory("native");
      const plan = writePlan(scratch.path, {
        host: [{ op: "subreaper" }, ...foreground()],
        container: [
          { op: "setsid" },
          ...shell(
            "for s in HUP INT USR1 USR2 WINCH; do trap \"echo $s\" $s; done; (sleep 0.1 &); trap 'exit 9' TERM; echo ready; while :; do sleep 0.05; done",
          ),
        ],
      });
      const { child, text, closed } = start(init, plan);
      await until(() => text.out.includes("ready"));
      for (const signal of ["SIGHUP", "SIGINT", "SIGUSR1", "SIGUSR2", "SIGWINCH"] as const) {
        child.kill(signal);
        await until(() => text.out.includes(`${signal.slice(3)}\n`));
      }
      await sleep(150);
      const children = readFileSync(`/proc/${child.pid}/task/${child.pid}/children`, "utf8")
        .trim()
        .split(" ");
      assert.ok(children.every((pid) => processState(Number(pid)) !== "Z"));
      child.kill("SIGTSTP");
      await until(() => processState(child.pid!) === "T");
      child.kill("SIGCONT");
      await until(() => processState(child.pid!) === "S");
      child.kill("SIGTERM");
      assert.deepEqual(await closed, [9, null]);
    });
  });
}
