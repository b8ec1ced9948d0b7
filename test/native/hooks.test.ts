import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { isRoot, temporaryDirectory } from "../support/index.ts";
import { builds, type Draft, makeBuilds, runPlan, shell } from "./executor.ts";
import { listDescriptors, processState } from "./running.ts";

makeBuilds("all", "asan");

for (const { name, init } of builds) {
  describe(`hooks, ${name}`, { skip: !isRoot }, () => {
    test("hooks get the state with the PID, their own environment, and no descriptor", () => {
      using scratch = temporaryDirectory("native");
      const seen = join(scratch.path, "seen");
      const hook = (script: string, fields: Partial<Draft> = {}): Draft => ({
        ...fields,
        op: "hook",
        path: "/bin/sh",
        args: ["hook", "-c", script],
        env: ["ONLY=this"],
        before: `{"pad":"${"x".repeat(200_000)}","pid":`,
        after: ',"z":1}',
        at: "/hooks/prestart/0",
      });
      const result = runPlan(init, scratch.path, {
        host: [
          { op: "open", out: "$leak", path: "/" },
          { op: "clone" },
          { op: "recordProcess", path: join(scratch.path, "pid"), plain: 1 },
          hook(
            `/bin/cat > ${seen}; echo $ONLY $PATH$HOME > ${seen}.env; (${listDescriptors}) > ${seen}.fd; umask > ${seen}.umask`,
          ),
          hook("exit 0"),
          hook("exit 3", { tolerate: 1 }),
          { op: "notify", event: 1 },
          { op: "awaitExec" },
          { op: "supervise" },
        ],
        container: [
          { op: "await", event: 1 },
          hook(`/bin/cat > ${seen}.in; echo $PPID >> ${seen}.in`),
          ...shell("echo out; exit 4"),
        ],
        cleanup: [hook(`/bin/cat > ${seen}.after`)],
      });
      assert.equal(result.failure, undefined);
      assert.deepEqual([result.status, result.stdout], [4, "out\n"]);
      assert.match(
        result.stderr,
        /^corten-init: warning: \/hooks\/prestart\/0: hook "\/bin\/sh" exited with 3\n$/,
      );
      const state = JSON.parse(readFileSync(seen, "utf8")) as { pid: number; pad: string; z: number };
      assert.equal(state.pid, Number(readFileSync(join(scratch.path, "pid"), "utf8")));
      assert.equal(state.pad.length, 200_000);
      assert.match(readFileSync(`${seen}.env`, "utf8"), /^this (?:\/usr\/local\/sbin:.*)?\n$/);
      assert.equal(readFileSync(`${seen}.fd`, "utf8"), "0 1 2\n");
      assert.match(readFileSync(`${seen}.umask`, "utf8"), /022\n/);
      const [inner, parent] = readFileSync(`${seen}.in`, "utf8").match(/\d+(?=,"z")|\d+(?=\n)/g)!;
      assert.equal(inner, parent);
      assert.match(readFileSync(`${seen}.after`, "utf8"), /"pid":0,"z"/);
    });

    test("hooks that fail, die, hang or do not exist", () => {
      using scratch = temporaryDirectory("native");
      const fails = (script: string, fields: Partial<Draft> = {}) => {
        const { failure, status } = runPlan(init, scratch.path, {
          host: [{ op: "hook", path: "/bin/sh", args: ["sh", "-c", script], ...fields }],
        });
        assert.deepEqual([status, failure?.kind], [125, "hook"]);
        return failure!.message;
      };
      assert.equal(
        fails("echo to stdout; echo to stderr >&2; exit 7"),
        'hook "/bin/sh" exited with 7: to stdout\nto stderr',
      );
      assert.equal(fails("kill -SEGV $$"), 'hook "/bin/sh" was killed by SIGSEGV');
      const long = fails("head -c 100000 /dev/zero | tr '\\0' x; exit 1", { env: ["PATH=/usr/bin:/bin"] });
      assert.ok(long.length > 4000 && long.length < 4200, `${long.length}`);
      const flood = fails("exec cat /dev/zero", { timeout: 300, env: ["PATH=/usr/bin:/bin"] });
      assert.match(flood, /did not end within 300 ms/);
      assert.equal(fails("", { path: "/no/hook" }), 'hook "/no/hook": execve: ENOENT');
      const started = Date.now();
      const pidFile = join(scratch.path, "pid");
      const hung = fails(`sleep 100 & echo $! > ${pidFile}; wait`, {
        timeout: 200,
        env: ["PATH=/usr/bin:/bin"],
      });
      assert.equal(hung, 'hook "/bin/sh" did not end within 200 ms and was killed');
      assert.ok(Date.now() - started < 3000);
      assert.ok(
        ["gone", "Z"].includes(processState(Number(readFileSync(pidFile, "utf8")))),
        "its children too",
      );
    });
  });
}
