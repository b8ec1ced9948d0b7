import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
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
import { Daemon, eventually } from "./daemon.ts";
import { runtimes } from "./runtimes.ts";

const IMAGE = "docker.io/corten-test/busybox:1";

/** A private socket, state and data; the default snapshotter; no CRI. */
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

for (const runtime of runtimes) {
  describe(`containerd runs a workload through ${runtime.name}`, { timeout: 180_000 }, () => {
    const scratch = temporaryDirectory("ctr");
    const address = ["--address", join(scratch.path, "containerd.sock")];
    const ctr = (...args: string[]) => commandOutput("ctr", [...address, ...args]);
    const name = `corten-shim-${runtime.name}`;
    const left = snapshotHost({ matching: new RegExp(`${scratch.path}|${name}`) });
    let daemon: Daemon;

    before(async () => {
      const config = join(scratch.path, "config.toml");
      writeFileSync(config, configuration(scratch.path));
      daemon = new Daemon("containerd", ["--config", config], join(scratch.path, "log"));
      await daemon.ready("ctr", [...address, "version"]);
      const archive = join(scratch.path, "busybox.tar");
      await makeBusyboxImage(archive, IMAGE);
      await ctr("images", "import", archive);
    });

    after(async () => {
      await daemon[Symbol.asyncDispose]();
      await assertNothingLeft(left);
      scratch[Symbol.dispose]();
    });

    test("a task: exec, a terminal, pause, metrics, ps, kill, delete", async () => {
      await ctr(
        ...["run", "--detach", "--runc-binary", runtime.path, "--memory-limit", "67108864"],
        ...[IMAGE, name, "sleep", "100"],
      );
      const status = () => ctr("tasks", "ls");
      const exec = await command("ctr", [
        ...[...address, "tasks", "exec", "--exec-id", "e1", "--user", "65534", name],
        ...["sh", "-c", "id -u; exit 3"],
      ]);
      assert.deepEqual([exec.stdout, exec.exitCode], ["65534\n", 3], exec.stderr);
      {
        await using terminal = await openTerminal("ctr", [
          ...[...address, "tasks", "exec", "--tty", "--exec-id", "e2", name, "sh"],
        ]);
        await terminal.waitFor("# ");
        terminal.type("tty; exit 4\r");
        await terminal.waitFor("/dev/pts/0");
        assert.equal(await terminal.exit, 4);
      }
      await ctr("tasks", "pause", name);
      assert.match(await status(), new RegExp(`${name}\\s+\\d+\\s+PAUSED`));
      await ctr("tasks", "resume", name);
      assert.match(await status(), new RegExp(`${name}\\s+\\d+\\s+RUNNING`));
      assert.match(await ctr("tasks", "metrics", "--format", "json", name), /"limit":\s*"?67108864/);
      assert.match(await ctr("tasks", "ps", name), /^\d+/m);
      await ctr("tasks", "kill", "--signal", "SIGKILL", name);
      await eventually(status, /STOPPED/);
      await command("ctr", [...address, "tasks", "delete", name]);
      await ctr("containers", "delete", name);
    });
  });
}
