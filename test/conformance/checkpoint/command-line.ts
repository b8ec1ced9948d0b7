import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import {
  assertNothingLeft,
  command,
  cortenOci,
  makeBundle,
  openTerminal,
  snapshotHost,
  temporaryDirectory,
} from "../../support/index.ts";
import { eventually } from "../engines/daemon.ts";

/** Counts, until it is told to end; the number that it has reached is what a restored one must go on from. */
const COUNT =
  "i=0; until [ -e /tmp/stop ]; do i=$((i+1)); echo $i > /tmp/n; sleep .05; done; echo over; exit 7";

describe("corten-oci checkpoint and restore with a real criu", { timeout: 120_000 }, () => {
  const scratch = temporaryDirectory("criu");
  const root = join(scratch.path, "state");
  const ids: string[] = [];
  const oci = (...args: string[]) => command(cortenOci, ["--root", root, ...args]);
  const left = snapshotHost({ matching: new RegExp(scratch.path) });

  /** A bundle whose root may be written to, and its ID. */
  const bundleOf = (name: string, args: readonly string[], terminal = false) => {
    const bundle = join(scratch.path, name);
    makeBundle(bundle, args, (config) => {
      config.process["terminal"] = terminal;
      config.root["readonly"] = false;
    });
    const id = `corten-criu-${name}`;
    ids.push(id);
    const shared = join(bundle, "rootfs/tmp");
    const words = (kind: "run" | "restore", ...more: string[]) => {
      const images = kind === "restore" ? ["--image-path", join(bundle, "images")] : [];
      return ["--root", root, kind, "-b", bundle, ...images, ...more, id];
    };
    const reached = () => Number(readFileSync(join(shared, "n"), "utf8"));
    const dump = async (...more: string[]) => {
      const { exitCode, stderr } = await oci(
        "checkpoint",
        "--image-path",
        join(bundle, "images"),
        ...more,
        id,
      );
      assert.deepEqual([exitCode, stderr], [0, ""]);
    };
    return { bundle, id, shared, words, reached, dump };
  };
  /** Runs it with nothing as its standard streams, so that it may stay. */
  const quietly = async (words: readonly string[]) => {
    const script = '"$@" </dev/null >/dev/null 2>&1';
    assert.equal((await command("sh", ["-c", script, "sh", cortenOci, ...words])).exitCode, 0);
  };

  after(async () => {
    for (const id of ids) await oci("delete", "-f", id);
    await assertNothingLeft(left);
    scratch[Symbol.dispose]();
  });

  test("a detached container goes on where it was", async () => {
    const box = bundleOf("detached", ["sh", "-c", COUNT]);
    await quietly(box.words("run", "-d"));
    await eventually(async () => `${existsSync(join(box.shared, "n")) && box.reached() > 4}`, /true/);
    await box.dump();
    const before = box.reached();
    assert.match((await oci("state", box.id)).stderr, /container does not exist/);
    await quietly(box.words("restore", "-d"));
    await eventually(async () => `${box.reached() > before}`, /true/);
    assert.equal(JSON.parse((await oci("state", box.id)).stdout).status, "running");
    writeFileSync(join(box.shared, "stop"), "");
    await eventually(async () => (await oci("state", box.id)).stdout, /"status": "stopped"/);
    assert.equal((await oci("delete", box.id)).exitCode, 0);
  });

  test("in the foreground its streams are the caller's pipes, and its exit code the caller's", async () => {
    const box = bundleOf("pipes", [
      "sh",
      "-c",
      `${COUNT.slice(0, -"exit 7".length)} read word; echo got $word; exit 7`,
    ]);
    // A shell's, since what JavaScript calls pipes are sockets.
    const piped = (input: string, ...words: string[]) =>
      command("sh", ["-c", `${input} | ("$@" 2>&1; echo ended with $?) | cat`, "sh", cortenOci, ...words]);
    const first = piped("sleep 2", ...box.words("run"));
    await eventually(async () => `${existsSync(join(box.shared, "n"))}`, /true/);
    await box.dump();
    assert.equal((await first).stdout, "ended with 137\n");
    writeFileSync(join(box.shared, "stop"), "");
    const restored = await piped("echo it", ...box.words("restore"));
    assert.deepEqual([restored.stdout, restored.stderr], ["over\ngot it\nended with 7\n", ""]);
    assert.match((await oci("state", box.id)).stderr, /container does not exist/);
  });

  test("a file of the host's that is its stream is written on", async () => {
    const box = bundleOf("files", ["sh", "-c", `echo begun; ${COUNT}`]);
    const log = join(scratch.path, "log");
    const withLog = async (...words: string[]) =>
      (await command("sh", ["-c", '"$@" </dev/null >>"$0" 2>&1', log, cortenOci, ...words])).exitCode;
    assert.equal(await withLog(...box.words("run", "-d")), 0);
    await eventually(async () => `${existsSync(join(box.shared, "n"))}`, /true/);
    await box.dump();
    writeFileSync(join(box.shared, "stop"), "");
    assert.equal(await withLog(...box.words("restore")), 7);
    assert.equal(readFileSync(log, "utf8"), "begun\nover\n");
  });

  test("signals reach a restored container, and the record is its own process", async () => {
    const box = bundleOf("signals", ["sh", "-c", `trap 'exit 5' TERM; ${COUNT}`]);
    await quietly(box.words("run", "-d"));
    await eventually(async () => `${existsSync(join(box.shared, "n"))}`, /true/);
    await box.dump();
    const pidFile = join(scratch.path, "pid");
    const child = spawn(cortenOci, box.words("restore", "--pid-file", pidFile), { stdio: "ignore" });
    const ended = new Promise((resolve) => child.once("exit", resolve));
    await eventually(async () => (await oci("state", box.id)).stdout, /"status": "running"/);
    assert.equal(`${JSON.parse((await oci("state", box.id)).stdout).pid}`, readFileSync(pidFile, "utf8"));
    const { stdout } = await oci("exec", box.id, "sh", "-c", "echo in $(hostname)");
    assert.equal(stdout, "in corten\n");
    child.kill("SIGTERM");
    assert.equal(await ended, 5);
  });

  test("a terminal is the caller's again: what is typed, its size, its end", async () => {
    const script =
      "trap 'stty size' WINCH; while :; do read word && echo got $word; [ \"$word\" != end ] || exit 4; done";
    const box = bundleOf("terminal", ["sh", "-c", script], true);
    {
      await using terminal = await openTerminal(cortenOci, box.words("run"));
      terminal.type("one\r");
      await terminal.waitFor("got one");
      await box.dump();
      assert.equal(await terminal.exit, 137);
    }
    await using terminal = await openTerminal(cortenOci, box.words("restore"), { rows: 30, columns: 90 });
    terminal.type("two\r");
    await terminal.waitFor("got two");
    terminal.resize(40, 100);
    await terminal.waitFor("40 100");
    terminal.type("end\r");
    await terminal.waitFor("got end");
    assert.equal(await terminal.exit, 4);
  });

  test("memory that was written before goes to the images of a pre-dump; the container runs on after a dump", async () => {
    const box = bundleOf("predump", ["sh", "-c", COUNT]);
    await quietly(box.words("run", "-d"));
    await eventually(async () => `${existsSync(join(box.shared, "n"))}`, /true/);
    const parent = join(box.bundle, "parent");
    const preDump = await oci("checkpoint", "--pre-dump", "--image-path", parent, box.id);
    // Kernels without CONFIG_MEM_SOFT_DIRTY do not tell which pages were written to.
    const tracked = (await command("criu", ["check", "--feature", "mem_dirty_track"])).exitCode === 0;
    if (tracked) assert.deepEqual([preDump.exitCode, preDump.stderr], [0, ""]);
    else assert.match(preDump.stderr, /criu failed: pre-dump: .*Tracking memory is not available/);
    await box.dump("--leave-running", ...(tracked ? ["--parent-path", "../parent"] : []));
    const before = box.reached();
    await eventually(async () => `${box.reached() > before}`, /true/);
    assert.equal((await oci("delete", "-f", box.id)).exitCode, 0);
    await quietly(box.words("restore", "-d"));
    assert.equal(JSON.parse((await oci("state", box.id)).stdout).status, "running");
    assert.equal((await oci("delete", "-f", box.id)).exitCode, 0);
  });

  test("a paused container is written and restored as well; one that is to run on stays paused", async () => {
    const box = bundleOf("paused", ["sh", "-c", COUNT]);
    await quietly(box.words("run", "-d"));
    await eventually(async () => `${existsSync(join(box.shared, "n"))}`, /true/);
    const status = async () => JSON.parse((await oci("state", box.id)).stdout).status as string;
    assert.equal((await oci("pause", box.id)).exitCode, 0);
    await box.dump("--leave-running");
    assert.equal(await status(), "paused");
    await box.dump();
    assert.match((await oci("state", box.id)).stderr, /container does not exist/);
    const before = box.reached();
    await quietly(box.words("restore", "-d"));
    await eventually(async () => `${box.reached() > before}`, /true/);
    assert.equal(await status(), "running");
    assert.equal((await oci("delete", "-f", box.id)).exitCode, 0);
  });
});
