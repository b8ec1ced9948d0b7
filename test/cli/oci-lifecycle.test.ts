import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import {
  assertNothingLeft,
  command,
  commandOutput,
  cortenOci,
  type HostSnapshot,
  isRoot,
  makeBundle,
  openTerminal,
  snapshotHost,
  temporaryDirectory,
} from "../support/index.ts";

/** Runs on runc as well: `CORTEN_OCI=runc`. */
describe("corten-oci, a container's life", { skip: !isRoot, timeout: 60_000 }, () => {
  const scratch = temporaryDirectory("cli-oci");
  const state = join(scratch.path, "state");
  const oci = (...args: string[]) => command(cortenOci, ["--root", state, ...args]);
  const must = (...args: string[]) => commandOutput(cortenOci, ["--root", state, ...args]);
  const bundle = (name: string, args: readonly string[]): string => {
    const path = join(scratch.path, name);
    makeBundle(path, args);
    return path;
  };
  let start: HostSnapshot;

  before(() => {
    start = snapshotHost({ matching: /cli-oci/ });
  });

  after(async () => {
    for (const id of (await must("list", "-q")).split("\n").filter(Boolean)) await oci("delete", "-f", id);
    await assertNothingLeft(start);
    scratch[Symbol.dispose]();
  });

  test("run: output and exit code", async () => {
    const path = bundle("run", ["sh", "-c", "echo hello; exit 3"]);
    const { stdout, stderr, exitCode } = await oci("run", "-b", path, "cli-oci-run");
    assert.deepEqual([stdout, stderr, exitCode], ["hello\n", "", 3]);
    assert.equal((await oci("state", "cli-oci-run")).exitCode, 1);
  });

  test("create, state, list, start, exec, ps, kill, delete", async () => {
    const id = "cli-oci-life";
    const path = bundle("life", ["sleep", "100"]);
    const pidFile = join(scratch.path, "pid");
    const created = await command("sh", [
      "-c",
      `"$@" </dev/null >/dev/null 2>&1`,
      "sh",
      cortenOci,
      "--root",
      state,
      "create",
      "-b",
      path,
      "--pid-file",
      pidFile,
      id,
    ]);
    assert.equal(created.exitCode, 0, created.stderr);
    const pid = Number(readFileSync(pidFile, "utf8"));
    const before = JSON.parse(await must("state", id));
    assert.deepEqual([before.id, before.pid, before.status, before.bundle], [id, pid, "created", path]);
    await must("start", id);
    assert.equal(JSON.parse(await must("state", id)).status, "running");
    const [listed] = JSON.parse(await must("list", "-f", "json"));
    assert.deepEqual([listed.id, listed.pid, listed.status, listed.owner], [id, pid, "running", "root"]);
    assert.match(
      await must("list"),
      /^ID +PID +STATUS +BUNDLE +CREATED +OWNER\ncli-oci-life +\d+ +running +\S+ +\S+Z +root$/,
    );
    assert.equal(await must("list", "-q"), id);
    const exec = await oci("exec", "-e", "A=b", "--cwd", "/tmp", id, "sh", "-c", "echo $A; pwd; exit 4");
    assert.deepEqual([exec.stdout, exec.exitCode], ["b\n/tmp\n", 4]);
    const missing = await oci("exec", id, "no-such-program");
    assert.equal(missing.exitCode, 255);
    assert.match(missing.stderr, /no-such-program.*executable file not found in \$PATH/);
    assert.deepEqual(JSON.parse(await must("ps", "-f", "json", id)), [pid]);
    assert.match(await must("ps", id), /^UID .*\n.*sleep 100$/);
    const running = await oci("delete", id);
    assert.equal(running.exitCode, 1);
    await must("kill", id, "KILL");
    await waitUntilStopped(() => must("state", id));
    const dead = await oci("kill", id, "TERM");
    assert.equal(dead.exitCode, 1);
    assert.match(dead.stderr, /container not running|process already finished/);
    await must("delete", id);
    assert.match((await oci("delete", id)).stderr, /container does not exist/);
    assert.equal((await oci("delete", "--force", id)).exitCode, 0);
  });

  test("a failure is runc's words in the JSON log, exit code 1, and nothing stays", async () => {
    const path = bundle("failure", ["no-such-program"]);
    const log = join(scratch.path, "log.json");
    const { exitCode, stderr } = await command(cortenOci, [
      ...["--root", state, "--log", log, "--log-format", "json", "run", "-b", path, "cli-oci-failure"],
    ]);
    assert.equal(exitCode, 1);
    const last = JSON.parse(readFileSync(log, "utf8").trimEnd().split("\n").at(-1)!);
    assert.equal(last.level, "error");
    assert.match(last.msg, /exec: "no-such-program": executable file not found in \$PATH/);
    assert.match(stderr, /executable file not found in \$PATH/);
    assert.equal(existsSync(join(state, "cli-oci-failure")), false);
  });

  test("the same ID twice is refused in runc's words", async () => {
    const path = bundle("twice", ["sleep", "100"]);
    await command("sh", [
      "-c",
      `"$@" </dev/null >/dev/null 2>&1`,
      "sh",
      cortenOci,
      "--root",
      state,
      "run",
      "-d",
      "-b",
      path,
      "cli-oci-twice",
    ]);
    const { exitCode, stderr } = await oci("run", "-b", path, "cli-oci-twice");
    assert.equal(exitCode, 1);
    assert.match(stderr, /container with given ID already exists/);
    await must("delete", "-f", "cli-oci-twice");
  });

  test("a terminal in the foreground", async () => {
    const path = bundle("terminal", ["sh"]);
    const config = join(path, "config.json");
    await commandOutput("sh", [
      "-c",
      `jq '.process.terminal = true' ${config} > ${config}.new && mv ${config}.new ${config}`,
    ]);
    await using terminal = await openTerminal(cortenOci, [
      "--root",
      state,
      "run",
      "-b",
      path,
      "cli-oci-terminal",
    ]);
    await terminal.waitFor("# ");
    terminal.type("stty size; exit 5\r");
    await terminal.waitFor("24 80");
    assert.equal(await terminal.exit, 5);
  });

  test("plan prints the operations and does nothing", { skip: cortenOci === "runc" }, async () => {
    const path = bundle("plan", ["true"]);
    const text = await must("plan", path);
    assert.match(text, /pivotRoot|pivot_root/);
    const plan = JSON.parse(await must("plan", "--format", "json", path));
    assert.equal(typeof plan, "object");
    assert.equal(existsSync(join(state, "plan")), false);
  });
});

async function waitUntilStopped(state: () => Promise<string>): Promise<void> {
  for (let attempt = 0; JSON.parse(await state()).status !== "stopped"; attempt++) {
    assert.ok(attempt < 100, "it did not stop");
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
