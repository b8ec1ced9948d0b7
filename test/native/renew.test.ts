import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { readlinkSync } from "node:fs";
import { after, before, describe, test } from "node:test";
import { isRoot, temporaryDirectory } from "../support/index.ts";
import { builds, Kernel, makeBuilds, runPlan, shell } from "./executor.ts";

makeBuilds("all", "asan");

for (const { name, init } of builds) {
  describe(`${name}: a PID namespace that others live in`, { skip: isRoot ? false : "needs root" }, () => {
    const scratch = temporaryDirectory("renew");
    let target: ReturnType<typeof spawn>;
    let namespace: string;

    before(async () => {
      target = spawn("unshare", ["--pid", "--fork", "--kill-child", "sleep", "100"], { stdio: "ignore" });
      namespace = `/proc/${target.pid}/ns/pid_for_children`;
      const own = readlinkSync("/proc/self/ns/pid");
      // Between unshare and its first process the link leads nowhere: it cannot be read then.
      const made = (): boolean => {
        try {
          return readlinkSync(namespace) !== own;
        } catch (error) {
          if ((error as NodeJS.ErrnoException).code === "ENOENT") return false;
          throw error;
        }
      };
      while (!made()) await new Promise((resolve) => setTimeout(resolve, 5));
      await new Promise((resolve) => setTimeout(resolve, 50));
    });
    after(() => {
      target.kill("SIGKILL");
      scratch[Symbol.dispose]();
    });

    const enter = (after: readonly { op: "renew" }[]) => [
      { op: "open" as const, out: "$ns", path: namespace },
      { op: "join" as const, fd: "$ns", flags: Kernel.CLONE_NEWPID },
      { op: "close" as const, fd: "$ns" },
      ...after,
    ];

    test("the process that follows is in it, a child of the host section, whose exit code is its own", () => {
      const outcome = runPlan(init, scratch.path, {
        host: [{ op: "clone" }, { op: "adopt" }, { op: "awaitExec" }, { op: "supervise" }],
        container: [
          ...enter([{ op: "renew" }]),
          ...shell("readlink /proc/self/ns/pid_for_children; echo $$; exit 7"),
        ],
      });
      const [, pid] = outcome.stdout.split("\n");
      assert.equal(outcome.status, 7, outcome.stderr);
      assert.match(pid!, /^[2-9]$|^1\d$/);
    });

    test("its failure is told", () => {
      const outcome = runPlan(init, scratch.path, {
        host: [{ op: "clone" }, { op: "adopt" }, { op: "awaitExec" }, { op: "supervise" }],
        container: [...enter([{ op: "renew" }]), { op: "open", out: "$x", path: "/no/such" }],
      });
      assert.equal(outcome.failure?.operation, "open");
      assert.equal(outcome.failure?.symbol, "ENOENT");
    });

    test("the failure of the first is told", () => {
      const outcome = runPlan(init, scratch.path, {
        host: [{ op: "clone" }, { op: "adopt" }, { op: "awaitExec" }, { op: "supervise" }],
        container: [{ op: "open", out: "$x", path: "/no/such" }, { op: "renew" }],
      });
      assert.equal(outcome.failure?.symbol, "ENOENT");
    });

    test("one without the other ends", () => {
      const alone = runPlan(init, scratch.path, { host: [{ op: "adopt" }] });
      assert.equal(alone.failure?.kind, "protocol");
      const host = runPlan(init, scratch.path, { host: [{ op: "renew" }] });
      assert.equal(host.failure?.kind, "protocol");
    });
  });
}
