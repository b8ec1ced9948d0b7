import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { existsSync, mkdirSync, openSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import {
  assertNothingLeft,
  command,
  commandOutput,
  cortenOci,
  makeBusyboxImage,
  snapshotHost,
  temporaryDirectory,
} from "../../support/index.ts";

const IMAGE = "docker.io/corten-test/busybox:1";

/** A containerd of the test's own: private socket, state and data; the default snapshotter; no CRI. */
function configuration(directory: string): string {
  return `version = 2
root = "${directory}/root"
state = "${directory}/state"
oom_score = 0
disabled_plugins = ["io.containerd.grpc.v1.cri"]
[grpc]
  address = "${directory}/containerd.sock"
[ttrpc]
  address = "${directory}/containerd.sock.ttrpc"
`;
}

describe("containerd runs containers through corten-oci", { timeout: 120_000 }, () => {
  const scratch = temporaryDirectory("containerd");
  const socket = join(scratch.path, "containerd.sock");
  const ctr = (...args: string[]) => command("ctr", ["--address", socket, ...args]);
  const runOptions = ["--runc-binary", cortenOci, "--runc-root", join(scratch.path, "oci")];
  let stop: () => Promise<void>;

  before(async () => {
    const config = join(scratch.path, "config.toml");
    writeFileSync(config, configuration(scratch.path));
    mkdirSync(join(scratch.path, "root"));
    const log = openSync(join(scratch.path, "log"), "w");
    const daemon = spawn("containerd", ["--config", config], { stdio: ["ignore", log, log] });
    const ended = new Promise<void>((resolve) => daemon.once("exit", () => resolve()));
    stop = async () => {
      daemon.kill("SIGTERM");
      await ended;
    };
    const archive = join(scratch.path, "busybox.tar");
    await makeBusyboxImage(archive, IMAGE);
    for (let attempt = 0; (await ctr("version")).exitCode !== 0; attempt++) {
      assert.ok(
        attempt < 100,
        `containerd does not answer: ${readFileSync(join(scratch.path, "log"), "utf8")}`,
      );
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    await commandOutput("ctr", ["--address", socket, "images", "import", archive]);
  });

  after(async () => {
    await stop();
    scratch[Symbol.dispose]();
  });

  test("ctr run prints what the container prints and gives its exit code", async () => {
    const left = snapshotHost({ matching: /corten-ctr-1/ });
    const script = "echo hello; exit 7";
    const result = await ctr("run", "--rm", ...runOptions, IMAGE, "corten-ctr-1", "sh", "-c", script);
    assert.equal(result.stdout, "hello\n", result.stderr);
    assert.equal(result.exitCode, 7, result.stderr);
    await assertNothingLeft(left);
  });

  test("a detached task is listed, takes an exec, is killed and deleted", async () => {
    const left = snapshotHost({ matching: /corten-ctr-2/ });
    const run = await ctr("run", "--detach", ...runOptions, IMAGE, "corten-ctr-2", "sleep", "100");
    assert.equal(run.exitCode, 0, run.stderr);
    assert.match((await ctr("tasks", "ls")).stdout, /corten-ctr-2\s+\d+\s+RUNNING/);
    const exec = await ctr(
      "tasks",
      "exec",
      "--exec-id",
      "e1",
      "corten-ctr-2",
      "sh",
      "-c",
      "echo in $$; exit 3",
    );
    assert.equal(exec.exitCode, 3, exec.stderr);
    assert.match(exec.stdout, /^in \d+/);
    assert.match((await ctr("tasks", "ps", "corten-ctr-2")).stdout, /\d+/);
    assert.equal((await ctr("tasks", "kill", "--signal", "SIGKILL", "corten-ctr-2")).exitCode, 0);
    for (let attempt = 0; !/STOPPED/.test((await ctr("tasks", "ls")).stdout); attempt++) {
      assert.ok(attempt < 100, "the task did not stop");
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    assert.equal((await ctr("tasks", "delete", "corten-ctr-2")).exitCode, 0);
    assert.equal((await ctr("containers", "delete", "corten-ctr-2")).exitCode, 0);
    await assertNothingLeft(left);
  });

  test("a program that does not exist is an error that names it", async () => {
    const result = await ctr("run", "--rm", ...runOptions, IMAGE, "corten-ctr-3", "no-such-program");
    assert.notEqual(result.exitCode, 0);
    assert.match(result.stderr, /exec: "no-such-program": executable file not found in \$PATH/);
    assert.equal(existsSync(join(scratch.path, "oci", "default", "corten-ctr-3")), false);
  });
});
