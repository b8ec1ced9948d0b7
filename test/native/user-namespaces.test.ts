import assert from "node:assert/strict";
import { readFileSync, readlinkSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { isRoot, temporaryDirectory } from "../support/index.ts";
import { builds, foreground, Kernel, makeBuilds, runPlan, shell } from "./executor.ts";

makeBuilds("all", "asan");

for (const { name, init } of builds) {
  describe(`user namespaces, ${name}`, { skip: !isRoot }, () => {
    test("renew goes on in a sibling in new namespaces, which the host section adopts", () => {
      using scratch = temporaryDirectory("native");
      const result = runPlan(init, scratch.path, {
        host: [
          { op: "clone" },
          { op: "adopt" },
          { op: "recordProcess", path: join(scratch.path, "pid"), plain: 1 },
          { op: "awaitExec" },
          { op: "supervise" },
        ],
        container: [
          { op: "renew", flags: Kernel.CLONE_NEWPID | Kernel.CLONE_NEWNS },
          ...shell("echo $$; readlink /proc/self/ns/pid; exit 9"),
        ],
      });
      assert.equal(result.failure, undefined);
      const [pid, namespace] = result.stdout.split("\n");
      assert.equal(pid, "1");
      assert.notEqual(namespace, readlinkSync("/proc/self/ns/pid"));
      assert.equal(result.status, 9);
      assert.match(readFileSync(join(scratch.path, "pid"), "utf8"), /^\d+$/);
    });

    test("a failure after renew is reported, and leaves nobody", () => {
      using scratch = temporaryDirectory("native");
      const result = runPlan(init, scratch.path, {
        host: [{ op: "clone" }, { op: "adopt" }, { op: "awaitExec" }, { op: "supervise" }],
        container: [
          { op: "renew", flags: 0 },
          { op: "execute", args: ["/no/such"], at: "/process/args" },
        ],
      });
      assert.equal(result.failure?.symbol, "ENOENT");
      assert.equal(result.failure?.at, "/process/args");
    });

    test("renew is refused for the first process of a PID namespace", () => {
      using scratch = temporaryDirectory("native");
      const first = runPlan(init, scratch.path, {
        host: [{ op: "clone", flags: Kernel.CLONE_NEWPID }, { op: "adopt" }],
        container: [{ op: "renew" }],
      });
      assert.equal(first.failure?.symbol, "EINVAL");
    });

    test("sets offsets of a time namespace before anyone is in it", () => {
      using scratch = temporaryDirectory("native");
      const result = runPlan(init, scratch.path, {
        host: [{ op: "clone", flags: Kernel.CLONE_NEWUSER }, { op: "adopt" }, ...foreground().slice(1)],
        container: [
          { op: "unshare", flags: Kernel.CLONE_NEWTIME },
          { op: "writeProcess", file: "timens_offsets", data: "boottime 86400 0\n" },
          { op: "renew", flags: 0 },
          ...shell("cat /proc/self/timens_offsets"),
        ],
      });
      assert.equal(result.failure, undefined);
      assert.match(result.stdout, /boottime\s+86400\s+0/);
    });

    test("maps ids through a helper, and tells what it says", () => {
      using scratch = temporaryDirectory("native");
      const mapped = (ids: readonly string[], program = "/usr/bin/newuidmap") =>
        runPlan(init, scratch.path, {
          host: [
            { op: "clone", flags: Kernel.CLONE_NEWUSER },
            { op: "mapIds", program, ids, at: "/linux/uidMappings" },
            { op: "notify", event: 1 },
            { op: "awaitExec" },
            { op: "supervise" },
          ],
          container: [{ op: "await", event: 1 }, ...shell("cat /proc/self/uid_map")],
        });
      const good = mapped(["0", "0", "1"]);
      assert.equal(good.failure, undefined);
      assert.match(good.stdout, /^\s+0\s+0\s+1\n$/);
      const bad = mapped(["0", "4000000000", "9"]);
      assert.equal(bad.failure?.at, "/linux/uidMappings");
      assert.match(bad.failure?.message ?? "", /newuidmap \d+: newuidmap: .*not allowed/);
      assert.equal(mapped([], "/no/such").failure?.symbol, "ENOENT");
    });

    test("raises a child's hard limit where it may, and leaves a higher one alone", () => {
      using scratch = temporaryDirectory("native");
      const RLIMIT_NOFILE = 7;
      const result = runPlan(init, scratch.path, {
        host: [
          { op: "clone" },
          { op: "raiseLimit", resource: RLIMIT_NOFILE, hard: 64 },
          { op: "notify", event: 1 },
          { op: "awaitExec" },
          { op: "supervise" },
        ],
        container: [{ op: "await", event: 1 }, ...shell("ulimit -Hn")],
      });
      assert.equal(result.failure, undefined);
      assert.ok(result.stdout === "unlimited\n" || Number(result.stdout) > 64, result.stdout);
    });
  });
}
