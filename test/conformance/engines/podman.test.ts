import assert from "node:assert/strict";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import {
  assertNothingLeft,
  command,
  commandOutput,
  cortenOci,
  makeBusyboxImage,
  openTerminal,
  snapshotHost,
  temporaryDirectory,
} from "../../support/index.ts";

const IMAGE = "localhost/corten-test/busybox:1";
// This machine lacks CAP_SYS_RESOURCE, and podman's defaults raise hard limits.
const LIMITS = ["--ulimit", "nofile=1024:1024", "--ulimit", "nproc=1024:1024"];

describe("podman runs containers through corten-oci", { timeout: 180_000 }, () => {
  const scratch = temporaryDirectory("podman");
  const global = [
    ...["--root", join(scratch.path, "root"), "--runroot", join(scratch.path, "runroot")],
    ...["--tmpdir", join(scratch.path, "tmp"), "--runtime", cortenOci, "--cgroup-manager", "cgroupfs"],
    ...["--events-backend", "none"],
  ];
  const podman = (...args: string[]) => command("podman", [...global, ...args]);
  const run = (...args: string[]) => podman("run", "--network", "none", ...LIMITS, ...args);

  before(async () => {
    const archive = join(scratch.path, "busybox.tar");
    await makeBusyboxImage(archive, IMAGE);
    await commandOutput("podman", [...global, "load", "--input", archive]);
  });

  after(async () => {
    await podman("rm", "--all", "--force", "--time", "0");
    await podman("rmi", "--all", "--force");
    scratch[Symbol.dispose]();
  });

  test("run prints what the container prints and gives its exit code", async () => {
    const left = snapshotHost({ matching: /libpod|corten-podman/ });
    const result = await run(
      "--rm",
      "--hostname",
      "rusty",
      IMAGE,
      "sh",
      "-c",
      "echo hello from $(hostname); exit 7",
    );
    assert.equal(result.stdout, "hello from rusty\n", result.stderr);
    assert.equal(result.exitCode, 7);
    await assertNothingLeft(left);
  });

  test("a program that does not exist gives 127, one that may not be run 126", async () => {
    assert.equal((await run("--rm", IMAGE, "no-such-program")).exitCode, 127);
    assert.equal((await run("--rm", IMAGE, "/etc")).exitCode, 126);
  });

  test("limits reach the cgroup, and the user, the mounts and the capabilities are as asked", async () => {
    const script =
      "cat /sys/fs/cgroup/memory/memory.limit_in_bytes; id -u; touch /ro/x || echo readonly; grep CapEff /proc/self/status";
    const result = await run(
      ...["--rm", "--memory", "64m", "--user", "1000", "--cap-drop", "all"],
      ...["--mount", "type=tmpfs,destination=/ro,ro", IMAGE, "sh", "-c", script],
    );
    assert.match(result.stdout, /^67108864\n1000\nreadonly\nCapEff:\t0000000000000000\n$/, result.stderr);
  });

  test("detached: exec, a terminal, logs, stop, rm", async () => {
    const left = snapshotHost({ matching: /libpod|corten-podman/ });
    const script = "trap 'exit 5' TERM; echo ready; while true; do sleep 0.1; done";
    const started = await run("--detach", "--name", "corten-podman", IMAGE, "sh", "-c", script);
    assert.equal(started.exitCode, 0, started.stderr);
    const exec = await podman("exec", "corten-podman", "sh", "-c", "echo in; exit 3");
    assert.deepEqual([exec.stdout, exec.exitCode], ["in\n", 3], exec.stderr);
    {
      await using terminal = await openTerminal("podman", [...global, "exec", "-it", "corten-podman", "sh"]);
      await terminal.waitFor("# ");
      terminal.type("stty size; exit 4\r");
      await terminal.waitFor("24 80");
      assert.equal(await terminal.exit, 4);
    }
    assert.match((await podman("logs", "corten-podman")).stdout, /ready/);
    assert.equal((await podman("stop", "corten-podman")).exitCode, 0);
    assert.match(
      (await podman("inspect", "--format", "{{.State.ExitCode}}", "corten-podman")).stdout,
      /^5$/m,
    );
    assert.equal((await podman("rm", "corten-podman")).exitCode, 0);
    await assertNothingLeft(left);
  });
});
