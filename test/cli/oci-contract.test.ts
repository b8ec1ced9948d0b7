import assert from "node:assert/strict";
import { chmodSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import {
  command,
  commandOutput,
  cortenOci,
  isRoot,
  makeBundle,
  temporaryDirectory,
} from "../support/index.ts";

/** What callers look for in a runtime's log, and what they conclude. */
const conclusions = {
  /** containerd, cmd/containerd-shim-runc-v2/process/utils.go: NotFound, the container is over. */
  shimFinished: /os: process already finished|container not running|no such process/,
  /** The same: there is no such container. */
  shimNoContainer: /does not exist/,
  /** podman, libpod/oci_util.go: exit code 126. */
  podmanPermission: /permission denied|operation not permitted/i,
  /** The same: exit code 127. */
  podmanNotFound: /executable file not found in|no such file or directory|open executable/i,
  /** The same: a security module's attribute cannot be written. */
  podmanLsm: /`\/proc\/[a-z0-9-].+\/attr.*`/,
  /** containerd, podman and docker: the name is taken. */
  taken: /container with given ID already exists/,
} as const;

/** The contract of a low-level runtime is what its callers match in its words (reference: go-runc, conmon, podman). */
describe("corten-oci's words", { skip: !isRoot, timeout: 60_000 }, () => {
  const scratch = temporaryDirectory("cli-contract");
  const state = join(scratch.path, "state");
  const log = join(scratch.path, "log.json");
  const must = (...args: string[]) => commandOutput(cortenOci, ["--root", state, ...args]);
  const bundle = join(scratch.path, "bundle");
  const broken = (name: string, config: string) => {
    const path = join(scratch.path, name);
    makeBundle(path, ["true"]);
    writeFileSync(join(path, "config.json"), config);
    return path;
  };
  const withArgs = (name: string, args: string[]) => {
    const path = join(scratch.path, name);
    makeBundle(path, args);
    return path;
  };
  const quiet = (...args: string[]) =>
    command("sh", ["-c", '"$@" </dev/null >/dev/null 2>&1', "sh", cortenOci, "--root", state, ...args]);

  before(async () => {
    makeBundle(bundle, ["sleep", "100"]);
    assert.equal((await quiet("run", "-d", "-b", bundle, "cli-contract-run")).exitCode, 0);
    const over = withArgs("over", ["true"]);
    assert.equal((await quiet("create", "-b", over, "cli-contract-over")).exitCode, 0);
    await must("start", "cli-contract-over");
    for (let left = 100; JSON.parse(await must("state", "cli-contract-over")).status !== "stopped"; left--) {
      assert.ok(left > 0);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  });

  after(async () => {
    for (const id of (await must("list", "-q")).split("\n").filter(Boolean)) await must("delete", "-f", id);
    scratch[Symbol.dispose]();
  });

  const cases: ReadonlyArray<{
    readonly line: readonly string[] | (() => readonly string[]);
    readonly exit: number;
    readonly says: RegExp;
  }> = [
    ...["state", "start", "kill", "delete", "pause", "resume", "ps"].map((name) => ({
      line: [name, "cli-contract-none"],
      exit: 1,
      says: conclusions.shimNoContainer,
    })),
    { line: ["exec", "cli-contract-none", "true"], exit: 255, says: conclusions.shimNoContainer },
    { line: ["kill", "cli-contract-over", "15"], exit: 1, says: conclusions.shimFinished },
    { line: ["kill", "cli-contract-over", "KILL"], exit: 1, says: conclusions.shimFinished },
    { line: ["exec", "cli-contract-over", "true"], exit: 255, says: /cannot exec in a stopped container/ },
    { line: ["start", "cli-contract-over"], exit: 1, says: /cannot start a container that has stopped/ },
    { line: ["start", "cli-contract-run"], exit: 1, says: /cannot start an already running container/ },
    {
      line: ["delete", "cli-contract-run"],
      exit: 1,
      says: /cannot delete container .* that is not stopped: running/,
    },
    { line: ["resume", "cli-contract-run"], exit: 1, says: /container not paused/ },
    { line: ["create", "-b", bundle, "cli-contract-run"], exit: 1, says: conclusions.taken },
    { line: ["exec", "cli-contract-run", "no-such"], exit: 255, says: conclusions.podmanNotFound },
    { line: ["exec", "cli-contract-run", "/no/such"], exit: 255, says: conclusions.podmanNotFound },
    { line: ["exec", "cli-contract-run", "/etc"], exit: 255, says: /exec: "\/etc": is a directory/ },
    {
      line: ["exec", "--cwd", "/no/such", "cli-contract-run", "true"],
      exit: 255,
      says: conclusions.podmanNotFound,
    },
    {
      line: () => ["run", "-b", withArgs("absent", ["no-such"]), "cli-contract-x"],
      exit: 1,
      says: /exec: "no-such": executable file not found in \$PATH/,
    },
    {
      line: () => {
        const path = withArgs("plain", ["/plain"]);
        writeFileSync(join(path, "rootfs/plain"), "#!/bin/sh\n");
        chmodSync(join(path, "rootfs/plain"), 0o644);
        return ["run", "-b", path, "cli-contract-x"];
      },
      exit: 1,
      says: conclusions.podmanPermission,
    },
    {
      line: ["run", "-b", "/no/such", "cli-contract-x"],
      exit: 1,
      says: /JSON specification file config\.json not found/,
    },
    { line: () => ["run", "-b", broken("json", "{"), "cli-contract-x"], exit: 1, says: /not JSON/ },
    { line: ["run", "-b", bundle, "../x"], exit: 1, says: /invalid container ID format/ },
    { line: ["frobnicate"], exit: 1, says: /frobnicate/ },
    { line: ["run", "--frobnicate", "x"], exit: 1, says: /flag provided but not defined: -frobnicate/ },
    { line: ["state"], exit: 1, says: /"state" requires exactly 1 argument/ },
  ];
  for (const { line, exit, says } of cases) {
    const title = typeof line === "function" ? `${says}` : line.join(" ").replaceAll(scratch.path, "");
    test(title, async () => {
      rmSync(log, { force: true });
      const words = typeof line === "function" ? line() : line;
      const { exitCode, stderr } = await command(cortenOci, [
        ...["--root", state, "--log", log, "--log-format", "json", ...words],
      ]);
      assert.equal(exitCode, exit);
      // go-runc reads the last line of level error; conmon and podman read stderr.
      const entries = readFileSync(log, "utf8")
        .trimEnd()
        .split("\n")
        .map((entry) => JSON.parse(entry));
      const last = entries.findLast(({ level }) => level === "error");
      assert.match(last.msg, says);
      assert.deepEqual(Object.keys(last).sort(), ["level", "msg", "time"]);
      assert.match(last.time, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
      assert.match(stderr, says);
    });
  }

  test("--version is three lines, as go-runc takes them apart", async () => {
    const lines = (await must("--version")).split("\n");
    assert.equal(lines.length, 3);
    assert.match(lines[0]!, /^\S+ version \d+\.\d+\.\d+$/);
    assert.match(lines[1]!, /^commit: \S+$/);
    assert.match(lines[2]!, /^spec: \d+\.\d+\.\d+$/);
  });

  test("state and list have every field; list is a table, JSON or bare IDs; ps takes ps's options", async () => {
    const fields = ["bundle", "created", "id", "ociVersion", "owner", "pid", "rootfs", "status"];
    const running = JSON.parse(await must("state", "cli-contract-run"));
    assert.deepEqual(Object.keys(running).sort(), fields);
    assert.equal(JSON.parse(await must("state", "cli-contract-over")).pid, 0);
    const listed = JSON.parse(await must("list", "--format", "json")) as object[];
    assert.deepEqual(
      listed.map((entry) => Object.keys(entry).sort()),
      [fields, fields],
    );
    assert.equal(await must("list", "-q"), "cli-contract-over\ncli-contract-run");
    assert.match(
      await must("ps", "cli-contract-run", "-o", "pid,comm"),
      new RegExp(`^ +PID COMMAND\n *${running.pid} sleep$`),
    );
    assert.deepEqual(JSON.parse(await must("ps", "--format", "json", "cli-contract-run")), [running.pid]);
  });
});
