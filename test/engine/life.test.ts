import assert from "node:assert/strict";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { isRoot } from "../support/index.ts";
import { becomeChild, IMAGE, makeTestEngine, output, runForeground, type TestEngine } from "./harness.ts";

describe("the life of a container", { skip: !isRoot }, () => {
  let it: TestEngine;
  before(async () => {
    it = await makeTestEngine();
  });
  after(() => it[Symbol.asyncDispose]());
  const left = () => it.leftovers();

  test("run, list, inspect, logs, wait, remove", async () => {
    const { engine } = it;
    const container = await engine.run({
      image: IMAGE,
      name: "first",
      command: ["sh", "-c", "echo hi; sleep 0.3; exit 3"],
    });
    assert.equal(container.state, "running");
    const [row] = await engine.list();
    assert.equal(row?.name, "first");
    assert.equal(row?.state, "running");
    assert.match(row?.status ?? "", /^Up /);
    assert.deepEqual(await output(engine, "first"), { stdout: "hi\n", stderr: "" });
    const exit = await engine.wait("first");
    assert.deepEqual([exit.exitCode, exit.signal, exit.oomKilled], [3, 0, false]);
    const inspect = await engine.inspect(container.id.slice(0, 8));
    assert.equal(inspect.State.Status, "exited");
    assert.equal(inspect.State.ExitCode, 3);
    assert.equal(inspect.Name, "/first");
    assert.deepEqual(await engine.list(), []);
    assert.match((await engine.list({ all: true }))[0]!.status, /^Exited \(3\) .* ago$/);
    await engine.remove("first");
    assert.deepEqual(await left(), []);
    await assert.rejects(engine.inspect("first"), { code: "not-found" });
  });

  test("create, start, stop, start again: what it wrote is still there", async () => {
    const { engine } = it;
    const script = "trap 'exit 5' TERM; echo x >> /data; cat /data; while :; do sleep 0.05; done";
    await using created = await engine.create({ image: IMAGE, command: ["sh", "-c", script] });
    assert.equal(created.state, "created");
    await assert.rejects(engine.wait(created.id), { code: "failed-precondition" });
    const running = await created.start();
    await assert.rejects(engine.start(created.id), /is running already/);
    while (!(await logText(it, created.id)).includes("x")) await new Promise((go) => setTimeout(go, 5));
    const exited = await running.stop({ timeout: 5 });
    assert.equal(exited.exit.exitCode, 5);
    const again = await exited.start();
    while ((await logText(it, created.id)) !== "x\nx\nx\n") await new Promise((go) => setTimeout(go, 5));
    await again.kill();
    const exit = await again.wait();
    assert.deepEqual([exit.exitCode, exit.signal], [137, 9]);
  });

  test("stop kills after the grace period", async () => {
    const { engine } = it;
    await using container = await engine.run({
      image: IMAGE,
      command: ["sh", "-c", "trap '' TERM; sleep 60 & wait; sleep 60"],
    });
    const started = performance.now();
    const { exit } = await container.stop({ timeout: 1 });
    assert.equal(exit.exitCode, 137);
    const took = performance.now() - started;
    assert.ok(took > 900 && took < 5000, `${took} ms`);
  });

  test("--rm in the foreground: output, exit code, nothing left but a row that the next list removes", async () => {
    const options = { image: IMAGE, autoRemove: true, name: "fleeting" };
    const command = ["sh", "-c", "cat; echo e >&2; exit 4"];
    const result = await runForeground(it, { ...options, interactive: true, command }, "in\n");
    assert.deepEqual(result, { exitCode: 4, stdout: "in\n", stderr: "e\n" });
    assert.deepEqual(await left(), []);
    assert.equal((await runForeground(it, { ...options, command }, "in\n")).stdout, "");
    assert.deepEqual(await it.engine.list({ all: true }), []);
    assert.deepEqual(await left(), []);
  });

  test("a foreground container that stays: log, exit record, its client's exit code", async () => {
    const { engine } = it;
    const image = await engine.prepareRun({
      image: IMAGE,
      name: "stays",
      command: ["sh", "-c", "echo out; exit 6"],
    });
    assert.deepEqual(await becomeChild(image), { exitCode: 6, stdout: "out\n", stderr: "" });
    assert.equal((await engine.wait("stays")).exitCode, 6);
    assert.equal(await logText(it, "stays"), "out\n");
    await engine.remove("stays");
    assert.deepEqual(await left(), []);
  });

  test("a detached --rm container is removed when it ends, by the next command at the latest", async () => {
    const { engine } = it;
    const { id } = await engine.run({ image: IMAGE, autoRemove: true, command: ["true"] });
    await engine.wait(id);
    assert.deepEqual(await engine.list({ all: true }), []);
    assert.deepEqual(await left(), []);
  });

  test("a command that does not exist", async () => {
    const { engine } = it;
    await assert.rejects(engine.run({ image: IMAGE, command: ["no-such-command"], autoRemove: true }), {
      code: "not-found",
    });
    assert.deepEqual(await left(), []);
    const gone = { image: IMAGE, command: ["no-such-command"], autoRemove: true };
    assert.notEqual((await runForeground(it, gone)).exitCode, 0);
    const stays = await engine.prepareRun({ image: IMAGE, name: "failed", command: ["no-such-command"] });
    assert.notEqual((await becomeChild(stays)).exitCode, 0);
    assert.equal((await engine.findContainer("failed")).state, "exited");
    await engine.remove("failed");
    assert.deepEqual(await left(), []);
  });

  test("exec: as its user, with its environment, in the background", async () => {
    const { engine } = it;
    await using container = await engine.run({ image: IMAGE, env: ["A=1"], command: ["sleep", "60"] });
    const run = async (options: Omit<Parameters<typeof engine.prepareExec>[1], "command">, script: string) =>
      becomeChild(
        await engine.prepareExec(container.id, { ...options, command: ["sh", "-c", script] }),
        "typed",
      );
    assert.equal((await run({ env: ["B=2"] }, "echo $A$B; exit 9")).stdout, "12\n");
    assert.equal((await run({}, "exit 9")).exitCode, 9);
    assert.equal((await run({ user: "nobody" }, "id -u; id -G; echo $HOME")).stdout, "65534\n65534\n/\n");
    assert.equal((await run({ workingDirectory: "/tmp" }, "pwd")).stdout, "/tmp\n");
    assert.equal((await run({}, "cat")).stdout, "");
    assert.equal((await run({ interactive: true }, "cat")).stdout, "typed");
    await engine.exec(container.id, { command: ["sh", "-c", "echo x > /mark"] });
    while ((await run({}, "cat /mark 2>/dev/null")).stdout !== "x\n")
      await new Promise((go) => setTimeout(go, 10));
    await assert.rejects(engine.prepareExec(container.id, { command: ["true"], user: "nobody-else" }), {
      code: "invalid-argument",
    });
  });

  test("attach: input, output and exit of a running container", async () => {
    const { engine } = it;
    await using container = await engine.run({
      image: IMAGE,
      interactive: true,
      command: ["sh", "-c", "cat; exit 12"],
    });
    await using attachment = await container.attach();
    await attachment.write("through\n");
    await attachment.closeStdin();
    let text = "";
    for await (const { data } of attachment) text += Buffer.from(data).toString();
    assert.equal(text, "through\n");
    assert.deepEqual(await attachment.exit, { exitCode: 12, signal: 0 });
  });

  test("a detached container with a terminal", async () => {
    const { engine } = it;
    const size = { rows: 40, columns: 120 };
    await using container = await engine.run({
      image: IMAGE,
      terminal: true,
      interactive: true,
      terminalSize: size,
      command: ["sh", "-c", "stty size; tty; read line; echo got $line"],
    });
    await using attachment = await container.attach();
    await attachment.write("word\r");
    await container.wait();
    // The terminal echoes the word as soon as it comes, before or after what the shell prints.
    const log = await logText(it, container.id);
    assert.match(log, /^40 120\r\n|\n40 120\r\n/);
    assert.match(log, /\/dev\/(pts\/0|console)\r\n/);
    assert.match(log, /got word\r\n$/);
  });

  test("mounts, volumes, tmpfs, read-only root, limits, user, hostname, capabilities", async () => {
    const { engine, scratch } = it;
    const shared = join(scratch, "shared");
    mkdirSync(shared);
    writeFileSync(join(shared, "file"), "from the host\n");
    const script = [
      "cat /in/file; echo w > /in/x 2>/dev/null || echo ro; echo v > /vol/kept; touch /tmp/t && echo tmp",
      "touch /root/x 2>/dev/null || echo rootro; hostname; id -u; grep CapEff /proc/self/status; echo $HOME; pwd",
      "cat /etc/hostname; echo $PATH",
    ].join("\n");
    await using container = await engine.run({
      image: IMAGE,
      readOnly: true,
      hostname: "steel",
      user: "0:65534",
      memory: 64 * 1024 * 1024,
      cpus: 0.5,
      pidsLimit: 20,
      capDrop: ["ALL"],
      capAdd: ["NET_BIND_SERVICE"],
      workingDirectory: "/var",
      tmpfs: [{ destination: "/tmp", options: ["size=1m"] }],
      volumes: [
        { source: shared, destination: "/in", readOnly: true },
        { source: "data", destination: "/vol", readOnly: false },
      ],
      command: ["sh", "-c", script],
    });
    const { stdout } = await output(engine, container.id);
    assert.equal(
      stdout,
      "from the host\nro\ntmp\nrootro\nsteel\n0\nCapEff:\t0000000000000400\n/root\n/var\nsteel\n/bin\n",
    );
    assert.equal(readFileSync(join(it.root, "volumes/data/_data/kept"), "utf8"), "v\n");
    const { HostConfig, Mounts } = await engine.inspect(container.id);
    assert.equal(HostConfig.Memory, 67_108_864);
    assert.deepEqual(HostConfig.Binds, [`${shared}:/in:ro`, "data:/vol"]);
    assert.equal(Mounts.length, 3);
  });

  test("networks: loopback of its own, or the host's", async () => {
    const { engine } = it;
    const script = "ls /sys/class/net | tr '\\n' ' '; hostname";
    await using alone = await engine.run({ image: IMAGE, hostname: "alone", command: ["sh", "-c", script] });
    assert.equal((await output(engine, alone.id)).stdout, "lo alone\n");
    await using shared = await engine.run({ image: IMAGE, network: "host", command: ["sh", "-c", script] });
    const host = readFileSync("/proc/sys/kernel/hostname", "utf8").trim();
    assert.match((await output(engine, shared.id)).stdout, new RegExp(`lo .*${host}\n$`));
    await assert.rejects(engine.run({ image: IMAGE, network: "bridge", command: ["true"] }), {
      code: "unimplemented",
    });
  });

  test("a root directory, and a throw-away overlay over the host's own files", async () => {
    const { engine } = it;
    const result = await runForeground(it, {
      rootfs: { path: "/", overlay: true },
      autoRemove: true,
      command: ["/bin/sh", "-c", "echo gone > /corten-was-here && cat /corten-was-here"],
    });
    assert.deepEqual(result, { exitCode: 0, stdout: "gone\n", stderr: "" });
    assert.throws(() => readFileSync("/corten-was-here"));
    await engine.list();
    assert.deepEqual(
      (await left()).filter((name) => name !== "data"),
      [],
    );
  });

  test("out of memory is told", async () => {
    const { engine } = it;
    await using container = await engine.run({
      image: IMAGE,
      memory: 8 * 1024 * 1024,
      command: ["sh", "-c", "dd if=/dev/zero of=/dev/shm/x bs=1M count=60"],
    });
    const exit = await container.wait();
    assert.equal(exit.oomKilled, true);
    assert.equal((await engine.inspect(container.id)).State.OOMKilled, true);
  });

  test("names: generated, taken, wrong", async () => {
    const { engine } = it;
    await using first = await engine.create({ image: IMAGE });
    assert.match(first.name, /^[a-z]+_[a-z]+$/);
    await assert.rejects(engine.create({ image: IMAGE, name: first.name }), { code: "already-exists" });
    await assert.rejects(engine.create({ image: IMAGE, name: "../x" }), { code: "invalid-argument" });
    await assert.rejects(engine.create({ image: "none:1" }), { code: "not-found" });
    await assert.rejects(engine.create({ image: IMAGE, rootfs: { path: "/", overlay: true } }), {
      code: "invalid-argument",
    });
    await assert.rejects(engine.create({ image: IMAGE, user: "4294967296" }), { code: "invalid-argument" });
    assert.equal((await engine.findContainer(first.id.slice(0, 6))).id, first.id);
  });
});

async function logText({ engine }: TestEngine, reference: string): Promise<string> {
  let text = "";
  for await (const { content, partial } of engine.logs(reference)) {
    text += Buffer.from(content).toString() + (partial ? "" : "\n");
  }
  return text;
}
