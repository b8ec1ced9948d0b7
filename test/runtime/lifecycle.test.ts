import assert from "node:assert/strict";
import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { launch } from "../../src/runtime/index.ts";
import { assertNothingLeft, type HostSnapshot, isRoot, snapshotHost } from "../support/index.ts";
import { Containers, configure } from "./containers.ts";

describe("the life of a container", { skip: isRoot ? false : "needs root" }, () => {
  let containers: Containers;
  let earlier: HostSnapshot;

  before(() => {
    earlier = snapshotHost({ matching: new RegExp(`rt-${process.pid}-`) });
    containers = new Containers();
  });
  after(async () => {
    await containers[Symbol.asyncDispose]();
    await assertNothingLeft(earlier);
  });

  const failsWith = (code: string, message: string | RegExp) => (error: unknown) => {
    const { code: actual, message: text } = error as { code: string; message: string };
    assert.equal(actual, code, text);
    if (typeof message === "string") assert.equal(text, message);
    else assert.match(text, message);
    return true;
  };

  it("a created container ends by a signal that asks for it, though it is the first process of its PID namespace", async () => {
    const { runtime, bundle } = containers;
    for (const signal of ["TERM", "HUP"]) {
      const id = containers.id();
      await launch(runtime.prepareCreate({ id, bundle, config: configure(["/bin/sleep", "100"]) }));
      await runtime.kill(id, signal);
      await runtime.waitStopped(id);
      assert.equal(runtime.state(id).status, "stopped");
      await runtime.delete(id);
    }
  });

  it("goes from created over running and stopped to nothing", async () => {
    const { runtime, bundle, directory } = containers;
    const id = containers.id();
    const pidFile = join(directory, "pid");
    const config = configure(["/bin/sleep", "100"], (change) => {
      change["annotations"] = { "org.example": "x" };
    });
    await launch(runtime.prepareCreate({ id, bundle, config, pidFile }));
    const created = runtime.state(id);
    assert.equal(created.status, "created");
    assert.equal(created.bundle, bundle);
    assert.equal(created.rootfs, join(bundle, "rootfs"));
    assert.equal(created.owner, "root");
    assert.deepEqual(created.annotations, { "org.example": "x" });
    assert.equal(readFileSync(pidFile, "utf8"), `${created.pid}`);
    assert.throws(
      () => runtime.prepareCreate({ id, bundle, config }),
      failsWith("already-exists", "container with given ID already exists"),
    );
    await runtime.start(id);
    assert.equal(runtime.state(id).status, "running");
    await assert.rejects(
      runtime.start(id),
      failsWith("failed-precondition", "cannot start an already running container"),
    );
    await assert.rejects(
      runtime.delete(id),
      failsWith("failed-precondition", `cannot delete container ${id} that is not stopped: running`),
    );
    assert.deepEqual(runtime.processes(id), [created.pid]);
    await runtime.kill(id, "KILL");
    await runtime.waitStopped(id);
    assert.deepEqual([runtime.state(id).status, runtime.state(id).pid], ["stopped", 0]);
    await assert.rejects(runtime.kill(id), failsWith("failed-precondition", "container not running"));
    await assert.rejects(
      runtime.start(id),
      failsWith("failed-precondition", "cannot start a container that has stopped"),
    );
    await runtime.delete(id);
    assert.throws(() => runtime.state(id), failsWith("not-found", "container does not exist"));
    await assert.rejects(runtime.delete(id), failsWith("not-found", "container does not exist"));
    await runtime.delete(id, { force: true });
  });

  it("returns the program's status from a foreground run", async () => {
    assert.equal((await containers.run(["/bin/sh", "-c", "exit 42"])).exitCode, 42);
  });

  it("records an exit, and removes what belongs to the container", async () => {
    const { runtime, bundle, directory } = containers;
    const exitFile = join(directory, "exit");
    const extra = join(directory, "extra");
    mkdirSync(join(extra, "deep"), { recursive: true });
    await launch(
      runtime.prepareRun({
        id: containers.id(),
        bundle,
        config: configure(["/bin/sh", "-c", "exit 3"]),
        exitFile,
        cleanupPaths: [extra],
      }),
    );
    assert.match(readFileSync(exitFile, "utf8"), /^3 0 0 \d+\.\d{9}\n$/);
    assert.equal(existsSync(extra), false);
  });

  it("starts a container of a user without rights", async () => {
    const { runtime } = containers;
    const id = await containers.create(["/bin/sleep", "100"], (config) => {
      Object.assign(config.process, { user: { uid: 1000, gid: 1000 }, capabilities: {} });
    });
    await runtime.start(id);
    assert.equal(runtime.state(id).status, "running");
    await runtime.delete(id, { force: true });
  });

  it("runs more programs in a container", async () => {
    const { runtime } = containers;
    const id = await containers.create(["/bin/sleep", "100"]);
    await runtime.start(id);
    const exec = (options: Parameters<typeof runtime.prepareExec>[1]) =>
      containers.capture((stdio) => launch(runtime.prepareExec(id, options), { stdio }));
    const { stdout, exitCode } = await exec({
      args: [
        "/bin/sh",
        "-c",
        "pwd; id -u; echo $A; echo $$; readlink /proc/1/ns/pid; readlink /proc/self/ns/pid; ls /proc/self/fd | wc -l; exit 9",
      ],
      cwd: "/tmp",
      env: ["A=b"],
      user: { uid: 12 },
    }).catch((error: Error) => ({ stdout: error.message, exitCode: -1 }));
    assert.equal(exitCode, 9, stdout);
    const lines = stdout.split("\n");
    assert.deepEqual(lines.slice(0, 3), ["/tmp", "12", "b"]);
    assert.notEqual(lines[3], "1");
    await assert.rejects(
      exec({ args: ["nope"] }),
      failsWith("not-found", 'exec: "nope": executable file not found in $PATH'),
    );
    const pidFile = join(containers.directory, "exec-pid");
    await launch(runtime.prepareExec(id, { args: ["/bin/sleep", "50"], detach: true, pidFile }));
    const pid = Number(readFileSync(pidFile, "utf8"));
    assert.ok(runtime.processes(id).includes(pid));
    assert.match(readFileSync(`/proc/${pid}/cgroup`, "utf8"), new RegExp(id));
    await runtime.delete(id, { force: true });
    assert.equal(existsSync(`/proc/${pid}`), false);
  });

  it("pauses and resumes", async () => {
    const { runtime } = containers;
    const id = await containers.create(["/bin/sleep", "100"]);
    await runtime.start(id);
    await runtime.pause(id);
    assert.equal(runtime.state(id).status, "paused");
    assert.throws(
      () => runtime.prepareExec(id, { args: ["true"] }),
      failsWith("failed-precondition", /paused/),
    );
    await runtime.resume(id);
    assert.equal(runtime.state(id).status, "running");
    await runtime.pause(id);
    await runtime.delete(id, { force: true });
  });

  it("kills every process of a container that shares the host's PIDs", async () => {
    const { runtime } = containers;
    const id = await containers.create(["/bin/sh", "-c", "sleep 1000 & sleep 1000; true"], (config) => {
      config.linux["namespaces"] = [{ type: "mount" }, { type: "uts" }];
    });
    await runtime.start(id);
    while (runtime.processes(id).length < 3) await new Promise((resolve) => setTimeout(resolve, 5));
    await runtime.kill(id, "KILL");
    await runtime.waitStopped(id);
    await runtime.delete(id);
  });

  it("runs hooks in order, each with the state of its time", async () => {
    const { directory, runtime, bundle } = containers;
    const log = join(directory, "hooks.log");
    const script = join(directory, "hook.sh");
    writeFileSync(
      script,
      `#!/bin/sh\nread -r state\necho "$1 $(echo "$state" | sed 's/.*"status":"\\([a-z]*\\)".*/\\1/')" >> ${log}\n`,
    );
    chmodSync(script, 0o755);
    const hook = (name: string) => [{ path: script, args: ["hook", name], env: ["PATH=/usr/bin:/bin"] }];
    const withHooks = (names: readonly string[]) =>
      configure(["/bin/true"], (config) => {
        config["hooks"] = Object.fromEntries(names.map((name) => [name, hook(name)]));
      });
    const names = ["prestart", "createRuntime", "createContainer", "poststart", "poststop"];
    await launch(runtime.prepareRun({ id: containers.id(), bundle, config: withHooks(names) }));
    const expected = [
      "prestart creating",
      "createRuntime creating",
      "createContainer creating",
      "poststart running",
      "poststop stopped",
    ];
    assert.deepEqual(readFileSync(log, "utf8").trim().split("\n"), expected);
    rmSync(log);
    const id = containers.id();
    await launch(runtime.prepareCreate({ id, bundle, config: withHooks(names) }));
    assert.deepEqual(readFileSync(log, "utf8").trim().split("\n"), expected.slice(0, 3));
    await runtime.start(id);
    await runtime.waitStopped(id);
    await runtime.delete(id);
    assert.deepEqual(readFileSync(log, "utf8").trim().split("\n"), expected);
  });

  it("ends a container whose poststart hook fails", async () => {
    const { runtime } = containers;
    const id = await containers.create(["/bin/sleep", "100"], (config) => {
      config["hooks"] = { poststart: [{ path: "/bin/false" }] };
    });
    await assert.rejects(
      runtime.start(id),
      failsWith("failed-precondition", /^error running poststart hook #0: hook "\/bin\/false" exited with 1/),
    );
    assert.throws(() => runtime.state(id), failsWith("not-found", /./));
  });

  it("tells what failed, where, and what to do", async () => {
    const { runtime, bundle } = containers;
    const failing = (args: readonly string[], change: Parameters<typeof configure>[1]) => {
      const id = containers.id();
      return launch(runtime.prepareCreate({ id, bundle, config: configure(args, change) }));
    };
    await assert.rejects(
      failing(["/bin/true"], (config) => config.mounts.push({ destination: "/x", type: "nosuchfs" })),
      (error: { pointer: string; operation: string; errno: string; hint: string }) => {
        assert.deepEqual(
          [error.pointer, error.operation, error.errno],
          ["/mounts/6", "openFilesystem", "ENODEV"],
        );
        assert.match(error.hint, /does not know this file system/);
        return true;
      },
    );
    await assert.rejects(
      failing(["/etc/passwd"], () => undefined),
      failsWith("permission-denied", /permission denied/),
    );
    await assert.rejects(
      failing(["/bin/true"], (config) => {
        config["hooks"] = { createRuntime: [{ path: "/bin/false" }] };
      }),
      failsWith("failed-precondition", /^error running createRuntime hook #0: /),
    );
    assert.deepEqual(
      runtime.list().filter(({ status }) => status !== "running"),
      [],
    );
  });

  it("runs every poststop hook, and tells what became of them", async () => {
    const { runtime, directory } = containers;
    const file = join(directory, "poststop");
    const id = await containers.create(["/bin/true"], (config) => {
      const last = { path: "/bin/sh", args: ["sh", "-c", `cat > ${file}`] };
      Object.assign(config, { hooks: { poststop: [{ path: "/bin/false" }, { path: "/no/such" }, last] } });
    });
    const errors = await runtime.delete(id);
    assert.deepEqual(
      errors.map(({ pointer }) => pointer),
      ["/hooks/poststop/0", "/hooks/poststop/1"],
    );
    assert.match(readFileSync(file, "utf8"), /"status":"stopped"/);
  });

  it("finishes or undoes what a killed executor left", async () => {
    const { runtime, bundle } = containers;
    const { spawn } = await import("node:child_process");
    for (let delay = 0; delay < 12; delay++) {
      const id = containers.id();
      const prepared = runtime.prepareCreate({ id, bundle, config: configure(["/bin/sleep", "100"]) });
      const child = spawn(prepared.path, prepared.args.slice(1), { stdio: "ignore" });
      const ended = new Promise((resolve) => child.once("exit", resolve));
      await new Promise((resolve) => setTimeout(resolve, delay));
      child.kill("SIGKILL");
      await ended;
      await runtime.delete(id, { force: true });
      assert.throws(() => runtime.state(id), failsWith("not-found", /./));
    }
  });
});
