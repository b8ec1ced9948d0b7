import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { isRoot, openTerminal, temporaryDirectory } from "../support/index.ts";
import { builds, type Draft, Kernel, makeBuilds, runPlan, type Sections, writePlan } from "./executor.ts";

makeBuilds("all", "asan");

const env = { ASAN_OPTIONS: "detect_leaks=0:exitcode=99", UBSAN_OPTIONS: "exitcode=99" };

/** A foreground container with a terminal of its own, which runs a script. */
function withTerminal(script: string, size: Partial<Draft> = {}): Sections {
  return {
    host: [
      { op: "clone", flags: Kernel.CLONE_NEWNS | Kernel.CLONE_NEWPID },
      { op: "receiveFromChild", out: "$master" },
      { op: "awaitExec" },
      { op: "supervise", terminal: "$master" },
    ],
    container: [
      { op: "setsid" },
      { op: "openFilesystem", out: "$fs", type: "devpts" },
      { op: "configure", fs: "$fs", key: "newinstance" },
      { op: "configure", fs: "$fs", key: "ptmxmode", value: "0666" },
      { op: "createMount", out: "$devpts", fs: "$fs" },
      { op: "verify", fd: "$devpts", kind: 5 },
      { ...size, op: "openTerminal", master: "$pty", slave: "$slave", devpts: "$devpts" },
      { op: "passToParent", fd: "$pty" },
      { op: "close", fd: "$pty" },
      { op: "attachTerminal", slave: "$slave" },
      { op: "closeFrom" },
      { op: "execute", args: ["/bin/sh", "-c", script], env: ["PATH=/usr/bin:/bin", "TERM=dumb"] },
    ],
  };
}

for (const { name, init } of builds) {
  describe(`terminal, ${name}`, { skip: !isRoot }, () => {
    test("copies all output to a pipe, also what is written just before the end", () => {
      using scratch = temporaryDirectory("native");
      for (let i = 0; i < 3; i++) {
        const result = runPlan(init, scratch.path, withTerminal("seq 1 20000; echo last; exit 3"));
        assert.equal(result.failure, undefined);
        assert.equal(result.status, 3);
        assert.equal(result.stdout.length, 108_894 + 5);
        assert.ok(result.stdout.endsWith("20000\nlast\n"));
      }
    });

    test("takes its size from the plan, its owner, and is the controlling terminal", () => {
      using scratch = temporaryDirectory("native");
      const result = runPlan(
        init,
        scratch.path,
        withTerminal("stty size; stat -L -c %u /proc/self/fd/0; echo ok > /dev/tty", {
          rows: 31,
          columns: 99,
          uid: 77,
        }),
      );
      assert.equal(result.stdout, "31 99\n77\nok\n");
    });

    test("passes input on, and its end", () => {
      using scratch = temporaryDirectory("native");
      const plan = withTerminal("stty -echo; echo ready; cat; echo end");
      const whole = runPlan(init, scratch.path, plan, { input: "one\ntwo\n" });
      assert.match(whole.stdout, /one\ntwo\nend\n$/);
      const partial = runPlan(init, scratch.path, plan, { input: "no newline" });
      assert.match(partial.stdout, /no newlineend\n$/);
    });

    test("holds the container up when nobody reads, and discards when the reader has gone", () => {
      using scratch = temporaryDirectory("native");
      const plan = writePlan(scratch.path, withTerminal("seq 1 50000; exit 5"));
      const slow = spawnSync(
        "/bin/sh",
        ["-c", `{ ${init} ${plan}; echo $? >&2; } | { sleep 0.3; tail -n 1; }`],
        {
          encoding: "utf8",
          env: { ...process.env, ...env },
        },
      );
      assert.deepEqual([slow.stdout, slow.stderr], ["50000\n", "5\n"]);
      const again = writePlan(scratch.path, withTerminal("seq 1 50000; exit 6"));
      const gone = spawnSync("/bin/sh", ["-c", `{ ${init} ${again}; echo $? >&2; } | head -n 1`], {
        encoding: "utf8",
        env: { ...process.env, ...env },
      });
      assert.deepEqual([gone.stdout, gone.stderr], ["1\n", "6\n"]);
    });

    test("under a real terminal: keys, Ctrl-C, size, raw mode and its end", async () => {
      using scratch = temporaryDirectory("native");
      const script =
        'trap "stty size" WINCH; trap "echo interrupted" INT; echo go; while :; do line=; read line; echo "<$line>"; [ "$line" = quit ] && exit 8; done';
      const plan = writePlan(scratch.path, withTerminal(script));
      await using terminal = await openTerminal(
        "/bin/sh",
        [
          "-c",
          `stty -a | grep -o -- '-\\?icanon'; ${init} ${plan}; echo status $?; stty -a | grep -o -- '-\\?icanon'`,
        ],
        { rows: 20, columns: 70, env },
      );
      await terminal.waitFor("go");
      terminal.type("hello\r");
      await terminal.waitFor("<hello>");
      terminal.resize(41, 111);
      await sleep(100);
      terminal.type("\r");
      await terminal.waitFor("41 111");
      terminal.type("\x03");
      await sleep(50);
      terminal.type("\r");
      await terminal.waitFor("interrupted");
      terminal.type("quit\r");
      await terminal.waitFor("status 8");
      await terminal.waitFor(/icanon/);
      assert.equal(await terminal.exit, 0);
      // One echo only: the caller's terminal was raw meanwhile, and is as before afterwards.
      assert.equal(terminal.output().match(/hello/g)?.length, 2);
      assert.equal(terminal.output().match(/-icanon/), null);
    });

    test("gives the terminal back after a failure", async () => {
      using scratch = temporaryDirectory("native");
      const sections = withTerminal("true");
      const host = sections.host!.filter(({ op }) => op !== "awaitExec");
      const container = sections.container!.map((draft) =>
        draft.op === "execute" ? { ...draft, args: ["/no/such"] } : draft,
      );
      const plan = writePlan(scratch.path, { host, container });
      await using terminal = await openTerminal(
        "/bin/sh",
        ["-c", `${init} ${plan}; echo status $?; stty -a | grep -o -- '-\\?icanon'`],
        { env },
      );
      await terminal.waitFor("status 125");
      await terminal.waitFor(/\sicanon/);
      assert.match(readFileSync(join(scratch.path, "failure"), "utf8"), /ENOENT/);
    });

    test("refuses a ptmx that is none (CVE-2025-52565)", () => {
      using scratch = temporaryDirectory("native");
      const result = runPlan(init, scratch.path, {
        host: [
          { op: "open", out: "$dev", path: "/dev", flags: Kernel.O_PATH },
          { op: "openTerminal", master: "$m", slave: "$s", devpts: "$dev" },
        ],
      });
      assert.equal(result.failure?.kind, "safety");
    });
  });
}
