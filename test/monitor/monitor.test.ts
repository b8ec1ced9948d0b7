import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { createConnection } from "node:net";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { type Attachment, connectAttachment } from "../../src/engine/index.ts";
import { command, openTerminal, temporaryDirectory } from "../support/index.ts";
import { compileMonitor, logText, type MonitorPrograms, startMonitor, until } from "./harness.ts";

const builds: ReadonlyArray<readonly [string, readonly string[]]> = [
  ["as shipped", ["-Os", "-static"]],
  ["under sanitizers", ["-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"]],
];

for (const [name, flags] of builds) {
  describe(`corten-monitor ${name}`, () => {
    const scratch = temporaryDirectory("monitor-build");
    let programs: MonitorPrograms;
    before(async () => {
      programs = await compileMonitor(scratch.path, flags);
    });
    after(() => scratch[Symbol.dispose]());
    const start = (script: string, extra: Parameters<typeof startMonitor>[1] = {}) =>
      startMonitor(programs, { ...extra, command: ["sh", "-c", script] });

    test("logs lines and parts of lines in the format of Kubernetes and records the exit", async () => {
      await using run = await start("echo one; printf two; sleep 0.1; echo ' three'; echo bad >&2; exit 7");
      assert.match(run.report, /^ready \d+$/);
      assert.equal(await run.exit, 0, run.stderr());
      assert.equal(logText(run.log(), "stdout"), "one\ntwo three\n");
      assert.match(run.log(), / stdout P two\n.* stdout F {2}three\n/);
      assert.equal(logText(run.log(), "stderr"), "bad\n");
      assert.match(run.exitRecord(), /^7 0 0 \d+\.\d{9}\n$/);
      assert.deepEqual(readdirSync(run.directory).sort(), ["exit", "log", "record"]);
      assert.equal(statSync(join(run.directory, "log")).mode & 0o777, 0o600);
    });

    test("a death by signal is 128 + its number", async () => {
      await using run = await start("kill -9 $$");
      await run.exit;
      assert.match(run.exitRecord(), /^137 9 0 /);
    });

    test("a long line is cut into parts of at most 16 KiB and nothing is lost", async () => {
      await using run = await start("head -c 100000 /dev/zero | tr '\\0' x; echo end");
      await run.exit;
      assert.equal(logText(run.log(), "stdout"), `${"x".repeat(100_000)}end\n`);
      for (const line of run.log().split("\n")) assert.ok(line.length <= 16_384 + 40);
    });

    test("the log is rotated at its limit, one old file kept", async () => {
      await using run = await start("seq 1 2000", { flags: ["--log-max", "10000"] });
      await run.exit;
      const old = readFileSync(join(run.directory, "log.1"), "utf8");
      assert.ok(old.length <= 10_000 && run.log().length <= 10_000);
      const text = logText(old + run.log(), "stdout");
      assert.ok(text.endsWith("1999\n2000\n"));
      assert.match(text, /^(\d+\n)+$/);
      assert.ok(!existsSync(join(run.directory, "log.2")));
    });

    test("attached clients write to stdin, close it, and learn output and exit", async () => {
      await using run = await start("cat; echo done >&2; exit 4", { flags: ["--stdin"] });
      await using first = await connectAttachment(run.directory);
      await using second = await connectAttachment(run.directory);
      const heard = [collect(first), collect(second)];
      await first.write("hello ");
      await first.write("world\n");
      await first.closeStdin();
      for (const each of await Promise.all(heard)) {
        assert.deepEqual(each, { stdout: "hello world\n", stderr: "done\n" });
      }
      assert.deepEqual(await first.exit, { exitCode: 4, signal: 0 });
      assert.deepEqual(await second.exit, { exitCode: 4, signal: 0 });
    });

    test("stdin that was not asked for is empty", async () => {
      await using run = await start("wc -c");
      await run.exit;
      assert.equal(logText(run.log(), "stdout").trim(), "0");
    });

    test("much input and output at once does not stand still", async () => {
      await using run = await start("cat", { flags: ["--stdin"] });
      await using client = await connectAttachment(run.directory, { lossless: true });
      const text = "0123456789abcde\n".repeat(65_536);
      const heard = collect(client);
      await client.write(text);
      await client.closeStdin();
      assert.equal((await heard).stdout.length, text.length);
      await run.exit;
      assert.equal(logText(run.log(), "stdout"), text);
    });

    test("a client that does not read is dropped and the container goes on", async () => {
      await using run = await start("sleep 0.3; seq 1 200000; exit 5");
      const slow = createConnection(join(run.directory, "attach.sock"));
      slow.pause();
      await new Promise((resolve) => slow.once("connect", resolve));
      assert.equal(await run.exit, 0, run.stderr());
      assert.match(run.exitRecord(), /^5 0 0 /);
      assert.ok(logText(run.log(), "stdout").endsWith("200000\n"));
      slow.destroy();
    });

    test("a lossless client holds the output up, and gets all of it however late it reads", async () => {
      await using run = await start("seq 1 1000000; exit 5", { flags: ["--hold"] });
      const client = connectAttachment(run.directory, { lossless: true });
      await until(() => run.exitRecord() !== "" || run.log().length > 50_000, "the first output");
      await delay(2500);
      assert.equal(run.exitRecord(), "", "the container waits");
      await using attachment = await client;
      const { stdout } = await collect(attachment);
      assert.ok(stdout.startsWith("1\n2\n") && stdout.endsWith("\n1000000\n"));
      assert.deepEqual(await attachment.exit, { exitCode: 5, signal: 0 });
    });

    test("the end of a container does not wait for a client that reads late", async () => {
      await using run = await start("seq 1 20000; exit 5", { flags: ["--hold"] });
      await using attachment = await connectAttachment(run.directory, { lossless: true });
      await until(() => run.exitRecord() !== "", "the exit record");
      await delay(2500);
      const { stdout } = await collect(attachment);
      assert.ok(stdout.endsWith("\n20000\n"));
      assert.deepEqual(await attachment.exit, { exitCode: 5, signal: 0 });
    });

    test("when the exit record is there, so is the last line of the log", async () => {
      for (let round = 0; round < 10; round++) {
        await using run = await start("seq 1 9000; exit 5");
        await until(() => run.exitRecord() !== "", "the exit record");
        assert.ok(run.log().endsWith(" 9000\n"));
      }
    });

    test("a malformed frame closes the client only", async () => {
      await using run = await start("sleep 0.5; exit 6");
      for (const bytes of [
        [99, 0, 0, 0, 0, 0, 0, 0],
        [0, 1, 0, 0, 0, 0, 0, 0],
        [0, 0, 0, 0, 255, 255, 255, 255],
      ]) {
        const client = createConnection(join(run.directory, "attach.sock"));
        client.on("data", () => undefined);
        client.write(new Uint8Array(bytes));
        await new Promise((resolve) => client.once("close", resolve));
      }
      await run.exit;
      assert.match(run.exitRecord(), /^6 0 0 /);
    });

    test("a terminal: its size, its line discipline, its end", async () => {
      await using run = await start("read line; stty size; echo got $line; exit 3", {
        terminal: true,
        flags: ["--stdin"],
      });
      assert.match(run.report, /^ready/, run.report);
      await using client = await connectAttachment(run.directory);
      assert.equal(client.terminal, true);
      const heard = collect(client);
      await client.resize({ rows: 33, columns: 111 });
      await client.write("word\r");
      const { stdout } = await heard;
      assert.match(stdout, /word\r\n33 111\r\ngot word\r\n/);
      assert.deepEqual(await client.exit, { exitCode: 3, signal: 0 });
    });

    test("an executor that fails is reported, and nothing is left", async () => {
      await using run = await startMonitor(programs, { executorArgs: ["--fail", "126"] });
      assert.equal(run.report, "failed 126");
      assert.equal(await run.exit, 125, run.stderr());
      assert.deepEqual(readdirSync(run.directory), ["log"]);
    });

    test("a monitor that cannot work says which call failed", async () => {
      await using run = await startMonitor(programs, {
        executorArgs: ["x"],
        flags: ["--log", "/no/such/log"],
      });
      assert.equal(run.report, "error open(/no/such/log): ENOENT");
    });

    test("signals do not end the monitor before its container", async () => {
      await using run = await start("sleep 0.4; exit 9");
      for (const signal of ["SIGTERM", "SIGINT", "SIGHUP", "SIGQUIT", "SIGUSR1", "SIGPIPE"] as const) {
        process.kill(run.pid, signal);
      }
      assert.equal(await run.exit, 0, run.stderr());
      assert.match(run.exitRecord(), /^9 0 0 /);
    });

    test("SIGKILL of the keeper leaves the container, its log and the record of its end", async () => {
      await using run = await start("sleep 0.3; echo still; sleep 0.2; echo here");
      const container = Number(run.report.split(" ")[1]);
      process.kill(run.pid, "SIGKILL");
      await run.exit;
      process.kill(container, 0);
      await until(() => run.exitRecord() !== "", "the worker's exit record");
      assert.match(run.exitRecord(), /^-1 0 0 \d+\.\d{9}\n$/);
      assert.equal(logText(run.log(), "stdout"), "still\nhere\n");
    });

    test("SIGKILL of the worker loses nothing but its clients", async () => {
      await using run = await start("sleep 0.5; echo on; exit 8", { terminal: false });
      await using client = await connectAttachment(run.directory);
      const heard = collect(client);
      process.kill(workerOf(run.pid, Number(run.report.split(" ")[1])), "SIGKILL");
      assert.equal(await client.exit, null);
      await heard;
      await using again = await connectAttachment(run.directory);
      assert.equal((await collect(again)).stdout, "on\n");
      assert.equal(await run.exit, 0, run.stderr());
      assert.match(run.exitRecord(), /^8 0 0 /);
      assert.equal(logText(run.log(), "stdout"), "on\n");
    });

    test("becomes the remove command at the very end", async () => {
      const flags = ["--remove", "/bin/sh", "--remove", "-c", "--remove", 'echo gone > "$0"', "--remove"];
      const marker = join(scratch.path, "marker");
      await using run = await start("exit 0", { flags: [...flags, marker] });
      assert.equal(await run.exit, 0, run.stderr());
      assert.equal(readFileSync(marker, "utf8"), "gone\n");
    });

    test("holds the start until a client has come, which misses nothing", async () => {
      await using run = await start("echo first; exit 2", { flags: ["--hold"] });
      assert.equal(run.report, "held 0");
      await delay(50);
      assert.equal(run.log(), "");
      const client = await command(programs.monitor, ["attach", "--dir", run.directory, "--lossless"]);
      assert.deepEqual(client, { exitCode: 2, stdout: "first\n", stderr: "" });
    });

    test("a client that waited becomes its failure command when the start fails", async () => {
      await using run = await startMonitor(programs, { executorArgs: ["--fail", "127"], flags: ["--hold"] });
      const args = ["attach", "--dir", run.directory, "--", "/bin/sh", "-c", "echo why >&2; exit 42"];
      const client = await command(programs.monitor, args);
      assert.deepEqual(client, { exitCode: 42, stdout: "", stderr: "why\n" });
    });

    test("the attach client copies stdin and exits as the container does", async () => {
      await using run = await start("cat; exit 11", { flags: ["--stdin"] });
      const text = "line of input\n".repeat(100_000);
      const args = ["attach", "--dir", run.directory, "--stdin", "--lossless"];
      const client = await command(programs.monitor, args, { input: text });
      assert.equal(client.exitCode, 11);
      assert.equal(client.stdout, text);
    });

    test("the attach client under a terminal: size, keys, Ctrl-P Ctrl-Q", async () => {
      const script = "stty size; while read line; do echo [$line]; done";
      await using run = await start(script, { terminal: true, flags: ["--stdin", "--hold"] });
      await using terminal = await openTerminal(
        programs.monitor,
        ["attach", "--dir", run.directory, "--stdin", "--terminal"],
        { rows: 30, columns: 99 },
      );
      await terminal.waitFor(/\d+ \d+/);
      terminal.type("word\r");
      await terminal.waitFor("[word]");
      terminal.type("\x10\x11");
      assert.equal(await terminal.exit, 0);
      await using again = await connectAttachment(run.directory);
      await again.write("\x04");
      await collect(again);
      await run.exit;
    });
  });
}

test("a monitor's own memory is at most 300 KiB", async () => {
  using scratch = temporaryDirectory("monitor-memory");
  const programs = await compileMonitor(scratch.path, ["-Os", "-static"]);
  const command = ["sh", "-c", "seq 1 10000; sleep 60"];
  // Two, so that the program's own pages are not counted: they are the file's, shared by all monitors.
  await using first = await startMonitor(programs, { command });
  await using second = await startMonitor(programs, { command });
  const container = Number(second.report.split(" ")[1]);
  await using client = await connectAttachment(second.directory);
  await client.write("nobody reads this");
  const processes = [second.pid, workerOf(second.pid, container)];
  const kilobytes = processes.map(privateMemory).reduce((sum, size) => sum + size, 0);
  for (const run of [first, second]) process.kill(Number(run.report.split(" ")[1]), "SIGKILL");
  assert.ok(kilobytes <= 300, `${kilobytes} KiB`);
});

function privateMemory(pid: number): number {
  const rollup = readFileSync(`/proc/${pid}/smaps_rollup`, "utf8");
  return [...rollup.matchAll(/^Private_\w+:\s+(\d+) kB/gm)].reduce((sum, [, size]) => sum + Number(size), 0);
}

async function collect(client: Attachment): Promise<{ stdout: string; stderr: string }> {
  const text = { stdout: "", stderr: "" };
  for await (const { stream, data } of client) text[stream] += Buffer.from(data).toString();
  return text;
}

/** The keeper's other child. */
function workerOf(keeper: number, container: number): number {
  const children = readFileSync(`/proc/${keeper}/task/${keeper}/children`, "utf8")
    .trim()
    .split(" ")
    .map(Number);
  return children.find((pid) => pid !== container)!;
}
