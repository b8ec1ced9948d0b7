import assert from "node:assert/strict";
import { chmodSync, copyFileSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { command, cortenOci, isRoot, makeBundle, temporaryDirectory } from "../support/index.ts";

const SOCKET = join(import.meta.dirname, "../support/console-socket.py");

describe("checkpoint and restore of a container with a terminal", { skip: !isRoot, timeout: 60_000 }, () => {
  const scratch = temporaryDirectory("cli-checkpoint-terminal");
  const bin = join(scratch.path, "bin");
  const criu = join(bin, "criu");
  const bundle = join(scratch.path, "bundle");
  const images = join(scratch.path, "images");
  const id = "cli-checkpoint-terminal";
  const env = { PATH: `${bin}:${process.env["PATH"]}` };
  const line = (...args: string[]) => ["--root", join(scratch.path, "state"), ...args];
  const oci = (...args: string[]) => command(cortenOci, line(...args), { env });

  /** Runs a command that makes a terminal, and returns what appears on it until its last slave is closed. */
  const withTerminal = async (name: string, wanted: string, ...args: string[]) => {
    const socket = join(scratch.path, name);
    const output = `${socket}.out`;
    const script = `python3 ${SOCKET} ${socket} "" >${output} 2>&1 & until [ -S ${socket} ]; do kill -0 $! || exit 9; sleep .05; done
      "$@" --console-socket ${socket} ${id} </dev/null >/dev/null 2>${socket}.err; status=$?
      [ $status = 0 ] && until grep -q ${wanted} ${output}; do sleep .05; done
      [ $status = 0 ] || kill $!
      exit $status`;
    const { exitCode } = await command("sh", ["-c", script, "sh", cortenOci, ...line(...args)], { env });
    return { exitCode, stderr: readFileSync(`${socket}.err`, "utf8"), output: readFileSync(output, "utf8") };
  };

  before(async () => {
    mkdirSync(bin);
    copyFileSync(join(import.meta.dirname, "criu-servant.py"), criu);
    chmodSync(criu, 0o755);
    writeFileSync(`${criu}.script`, "echo restored; exec sleep 100");
    makeBundle(bundle, ["sh", "-c", "echo begun; exec sleep 100"], (config) => {
      config.process["terminal"] = true;
    });
    const started = await withTerminal("start", "begun", "run", "-d", "-b", bundle);
    assert.equal(started.exitCode, 0, started.stderr);
  });
  after(async () => {
    await oci("delete", "-f", id);
    scratch[Symbol.dispose]();
  });

  test("criu's own error is told, not the one that it can do without, and the container runs on", async () => {
    writeFileSync(`${criu}.fail`, "");
    const { exitCode, stderr } = await oci("checkpoint", "--image-path", images, id);
    rmSync(`${criu}.fail`);
    assert.equal(exitCode, 1);
    assert.match(stderr, /criu failed: dump: Error \(criu\/x\.c:2\): no luck\n/);
    assert.equal(JSON.parse((await oci("state", id)).stdout).status, "running");
  });

  test("a dump asks criu as a servant, with every option, and ends the container", async () => {
    const { exitCode, stderr } = await oci("checkpoint", "--image-path", images, "--tcp-established", id);
    assert.deepEqual([exitCode, stderr], [0, ""]);
    const options = readFileSync(`${criu}.log`, "utf8").split("\n");
    for (const option of [`work-dir "${images}"`, "tcp-established", "manage-cgroups=soft", "verbosity 4"]) {
      assert.ok(options.includes(option), option);
    }
    assert.match((await oci("state", id)).stderr, /container does not exist/);
    assert.equal(existsSync(join(scratch.path, "state/.failures")), true);
  });

  test("a restore hands the terminal that criu makes to the console socket", async () => {
    const without = await oci("restore", "-d", "-b", bundle, "--image-path", images, id);
    assert.equal(without.exitCode, 1);
    assert.match(without.stderr, /without a console socket/);
    const restore = ["restore", "-d", "-b", bundle, "--image-path", images];
    const { exitCode, stderr, output } = await withTerminal("restore", "restored", ...restore);
    assert.deepEqual([exitCode, stderr], [0, ""]);
    assert.match(output, /restored/);
    assert.equal(JSON.parse((await oci("state", id)).stdout).status, "running");
    assert.equal((await oci("delete", "-f", id)).exitCode, 0);
  });
});
