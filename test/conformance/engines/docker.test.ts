import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import {
  assertNothingLeft,
  command,
  commandOutput,
  makeBusyboxImage,
  openTerminal,
  snapshotHost,
  temporaryDirectory,
} from "../../support/index.ts";
import { Daemon } from "./daemon.ts";
import { runtimes } from "./runtimes.ts";

const IMAGE = "corten-test/busybox:1";

for (const runtime of runtimes) {
  describe(`Docker runs a workload through ${runtime.name}`, { timeout: 240_000 }, () => {
    const scratch = temporaryDirectory("docker");
    const host = `unix://${join(scratch.path, "docker.sock")}`;
    const docker = (...args: string[]) => command("docker", ["--host", host, ...args]);
    const output = (...args: string[]) => commandOutput("docker", ["--host", host, ...args]);
    const left = snapshotHost({ matching: new RegExp(scratch.path) });
    let daemon: Daemon;

    before(async () => {
      const daemonOptions = [
        ...[
          "--host",
          host,
          "--data-root",
          join(scratch.path, "data"),
          "--exec-root",
          join(scratch.path, "x"),
        ],
        ...["--pidfile", join(scratch.path, "pid"), "--storage-driver", "vfs"],
        ...["--bridge", "none", "--iptables=false", "--ip6tables=false"],
        ...["--add-runtime", `candidate=${runtime.path}`, "--default-runtime", "candidate"],
      ];
      // Mounts and a network of its own: the machine's firewall and interfaces stay as they are.
      daemon = new Daemon(
        "unshare",
        ["--mount", "--net", "dockerd", ...daemonOptions],
        join(scratch.path, "log"),
      );
      await daemon.ready("docker", ["--host", host, "version"]);
      const archive = join(scratch.path, "busybox.tar");
      await makeBusyboxImage(archive, IMAGE);
      await output("load", "--input", archive);
    });

    after(async () => {
      await daemon[Symbol.asyncDispose]();
      await assertNothingLeft(left);
      scratch[Symbol.dispose]();
    });

    test("docker info names the runtime as the default one", async () => {
      assert.equal(await output("info", "--format", "{{.DefaultRuntime}}"), "candidate");
    });

    test("run prints what the container prints and gives its exit code", async () => {
      const result = await docker(
        "run",
        "--rm",
        "--network",
        "none",
        IMAGE,
        "sh",
        "-c",
        "echo hello; exit 7",
      );
      assert.deepEqual([result.stdout, result.exitCode], ["hello\n", 7], result.stderr);
      const missing = await docker("run", "--rm", "--network", "none", IMAGE, "no-such-program");
      assert.equal(missing.exitCode, 127, missing.stderr);
    });

    test("build runs its steps in containers", async () => {
      const context = join(scratch.path, "context");
      mkdirSync(context);
      writeFileSync(
        join(context, "Dockerfile"),
        `FROM ${IMAGE}\nRUN echo built by $(id -u) > /proof\nCMD ["cat", "/proof"]\n`,
      );
      const built = await command(
        "docker",
        ["--host", host, "build", "--network", "none", "--tag", "corten-test/built", context],
        { env: { DOCKER_BUILDKIT: "0" } },
      );
      assert.equal(built.exitCode, 0, built.stderr);
      assert.equal(await output("run", "--rm", "--network", "none", "corten-test/built"), "built by 0");
    });

    test("a service: exec, a terminal, stats, pause, update, top, restart, kill", async () => {
      const name = "service";
      await output(
        ...["run", "--detach", "--name", name, "--network", "host", "--memory", "64m"],
        ...[IMAGE, "sleep", "100"],
      );
      const state = () => output("inspect", "--format", "{{.State.Status}} {{.State.ExitCode}}", name);
      const exec = await docker("exec", "--user", "65534", name, "sh", "-c", "id -u; exit 3");
      assert.deepEqual([exec.stdout, exec.exitCode], ["65534\n", 3], exec.stderr);
      {
        await using terminal = await openTerminal("docker", ["--host", host, "exec", "-it", name, "sh"]);
        await terminal.waitFor("# ");
        terminal.type("tty; stty size; exit 4\r");
        await terminal.waitFor("24 80");
        assert.equal(await terminal.exit, 4);
      }
      const stats = await output("stats", "--no-stream", "--format", "{{.MemUsage}} {{.PIDs}}", name);
      assert.match(stats, /^\S+ \/ 64MiB 1$/);
      assert.match(await output("top", name), /sleep 100/);

      await output("pause", name);
      assert.equal(await state(), "paused 0");
      await output("unpause", name);
      assert.equal(await state(), "running 0");

      await output("update", "--memory", "96m", "--memory-swap", "96m", "--cpus", "0.5", name);
      const limits = "cd /sys/fs/cgroup; cat memory/memory.limit_in_bytes cpu/cpu.cfs_quota_us";
      assert.equal(await output("exec", name, "sh", "-c", limits), "100663296\n50000");

      await output("restart", "--time", "0", name);
      assert.equal(await state(), "running 0");
      assert.equal(await output("exec", name, "echo", "again"), "again");

      await output("kill", name);
      assert.equal(await output("wait", name), "137");
      await output("rm", name);
    });
  });
}
