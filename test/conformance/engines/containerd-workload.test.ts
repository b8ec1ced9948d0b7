import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { assertNothingLeft, command, openTerminal, snapshotHost } from "../../support/index.ts";
import { Containerd, IMAGE } from "./containerd.ts";
import { eventually } from "./daemon.ts";
import { runtimes } from "./runtimes.ts";

for (const runtime of runtimes) {
  describe(`containerd runs a workload through ${runtime.name}`, { timeout: 180_000 }, () => {
    const containerd = new Containerd();
    const { address } = containerd;
    const ctr = (...args: string[]) => containerd.must(...args);
    const name = `corten-shim-${runtime.name}`;
    const left = snapshotHost({ matching: new RegExp(`${containerd.directory}|${name}`) });
    before(() => containerd.start());
    after(async () => {
      await containerd[Symbol.asyncDispose]();
      await assertNothingLeft(left);
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
