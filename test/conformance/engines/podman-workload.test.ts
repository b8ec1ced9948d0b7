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
import { runtimes } from "./runtimes.ts";

const IMAGE = "localhost/corten-test/busybox:1";
// This machine lacks CAP_SYS_RESOURCE, and podman's defaults raise hard limits.
const LIMITS = ["--ulimit", "nofile=1024:1024", "--ulimit", "nproc=1024:1024"];

for (const runtime of runtimes) {
  describe(`podman and buildah run a workload through ${runtime.name}`, { timeout: 240_000 }, () => {
    const scratch = temporaryDirectory("workload");
    const storage = ["--root", join(scratch.path, "root"), "--runroot", join(scratch.path, "runroot")];
    const global = [
      ...[...storage, "--tmpdir", join(scratch.path, "tmp"), "--runtime", runtime.path],
      ...["--cgroup-manager", "cgroupfs", "--events-backend", "none"],
    ];
    const output = (...args: string[]) => commandOutput("podman", [...global, ...args]);
    const buildah = (...args: string[]) => commandOutput("buildah", [...storage, ...args]);
    const context = join(scratch.path, "context");
    const name = `corten-workload-${runtime.name}`;
    const left = snapshotHost({ matching: new RegExp(`${scratch.path}|${name}`) });

    before(async () => {
      const archive = join(scratch.path, "busybox.tar");
      await makeBusyboxImage(archive, IMAGE);
      await output("load", "--input", archive);
      mkdirSync(context);
      writeFileSync(
        join(context, "Containerfile"),
        `FROM ${IMAGE}\nRUN echo built by $(id -u) > /proof\nCMD ["cat", "/proof"]\n`,
      );
    });

    after(async () => {
      await command("podman", [...global, "rm", "--all", "--force", "--time", "0"]);
      await command("podman", [...global, "rmi", "--all", "--force"]);
      await assertNothingLeft(left);
      scratch[Symbol.dispose]();
    });

    test("podman build runs its steps in containers, and run runs the result", async () => {
      await output("build", "--network", "none", ...LIMITS, "--tag", "localhost/corten-test/built", context);
      const run = ["run", "--rm", "--network", "none", ...LIMITS, "localhost/corten-test/built"];
      assert.equal(await output(...run), "built by 0");
    });

    test("buildah bud and buildah run", async () => {
      const options = ["--runtime", runtime.path, "--isolation", "oci"];
      await buildah("bud", ...options, "--network", "none", ...LIMITS, "--tag", "corten-test/bud", context);
      const container = await buildah("from", "--pull-never", ...LIMITS, "localhost/corten-test/bud");
      assert.equal(await buildah("run", ...options, container, "--", "cat", "/proof"), "built by 0");
      const failed = await command("buildah", [
        ...[...storage, "run", ...options, container, "--", "sh", "-c", "exit 9"],
      ]);
      assert.equal(failed.exitCode, 9, failed.stderr);
      await buildah("rm", container);
    });

    test("a service: exec, a terminal, stats, pause, update, top, restart, kill", async () => {
      await output(
        ...["run", "--detach", "--name", name, "--network", "none", "--memory", "64m", ...LIMITS],
        ...[IMAGE, "sleep", "100"],
      );
      const state = () => output("inspect", "--format", "{{.State.Status}} {{.State.ExitCode}}", name);
      const exec = await command("podman", [
        ...[...global, "exec", "--user", "65534", name, "sh", "-c", "id -u; exit 3"],
      ]);
      assert.deepEqual([exec.stdout, exec.exitCode], ["65534\n", 3], exec.stderr);
      {
        await using terminal = await openTerminal("podman", [...global, "exec", "-it", name, "sh"]);
        await terminal.waitFor("# ");
        terminal.type("tty; stty size; exit 4\r");
        await terminal.waitFor("24 80");
        assert.equal(await terminal.exit, 4);
      }
      assert.match(await output("stats", "--no-stream", "--format", "{{.MemUsage}}", name), /\/ 67\.11MB$/);
      assert.match(await output("top", name, "args"), /sleep 100/);

      await output("pause", name);
      assert.equal(await state(), "paused 0");
      await output("unpause", name);
      assert.equal(await state(), "running 0");

      await output("update", "--memory", "96m", "--cpus", "0.5", name);
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
