import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { assertNothingLeft, cortenOci, snapshotHost } from "../../support/index.ts";
import { Containerd, IMAGE } from "./containerd.ts";
import { eventually } from "./daemon.ts";

describe("containerd runs containers through corten-oci", { timeout: 120_000 }, () => {
  const containerd = new Containerd();
  const ctr = (...args: string[]) => containerd.ctr(...args);
  const state = join(containerd.directory, "oci");
  const runOptions = ["--runc-binary", cortenOci, "--runc-root", state];
  before(() => containerd.start());
  after(() => containerd[Symbol.asyncDispose]());

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
    await eventually(() => containerd.must("tasks", "ls"), /STOPPED/);
    assert.equal((await ctr("tasks", "delete", "corten-ctr-2")).exitCode, 0);
    assert.equal((await ctr("containers", "delete", "corten-ctr-2")).exitCode, 0);
    await assertNothingLeft(left);
  });

  test("a program that does not exist is an error that names it", async () => {
    const result = await ctr("run", "--rm", ...runOptions, IMAGE, "corten-ctr-3", "no-such-program");
    assert.notEqual(result.exitCode, 0);
    assert.match(result.stderr, /exec: "no-such-program": executable file not found in \$PATH/);
    assert.equal(existsSync(join(state, "default", "corten-ctr-3")), false);
  });
});
