import assert from "node:assert/strict";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
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
import { eventually } from "../engines/daemon.ts";
import { runtimes } from "../engines/runtimes.ts";

const IMAGE = "localhost/corten-test/busybox:1";
// This machine lacks CAP_SYS_RESOURCE, and podman's defaults raise hard limits.
const LIMITS = ["--ulimit", "nofile=1024:1024", "--ulimit", "nproc=1024:1024"];
const COUNT =
  "i=0; until [ -e /shared/stop ]; do i=$((i+1)); echo $i | tee /shared/n; sleep .1; done; exit 7";

for (const runtime of runtimes) {
  describe(`podman checkpoints and restores through ${runtime.name}`, { timeout: 240_000 }, () => {
    const scratch = temporaryDirectory("criu-podman");
    const at = (name: string) => join(scratch.path, name);
    const global = [
      ...["--root", at("root"), "--runroot", at("runroot"), "--tmpdir", at("tmp"), "--runtime", runtime.path],
      ...["--cgroup-manager", "cgroupfs", "--events-backend", "none"],
    ];
    const podman = (...args: string[]) => command("podman", [...global, ...args]);
    const output = (...args: string[]) => commandOutput("podman", [...global, ...args]);
    const name = `corten-criu-${runtime.name}`;
    const left = snapshotHost({ matching: new RegExp(`${scratch.path}|${name}`) });
    const reached = () => (existsSync(at("shared/n")) ? Number(readFileSync(at("shared/n"), "utf8")) : 0);
    const state = (container: string) => output("inspect", "--format", "{{.State.Status}}", container);

    before(async () => {
      mkdirSync(at("shared"));
      await makeBusyboxImage(at("busybox.tar"), IMAGE);
      await output("load", "--input", at("busybox.tar"));
      const volume = ["--volume", `${at("shared")}:/shared`];
      const run = ["run", "--detach", "--name", name, "--network", "none", ...volume, ...LIMITS];
      await output(...run, IMAGE, "sh", "-c", COUNT);
      await eventually(async () => `${reached() > 2}`, /true/);
    });
    after(async () => {
      await podman("rm", "--all", "--force", "--time", "0");
      await podman("rmi", "--all", "--force");
      await assertNothingLeft(left);
      scratch[Symbol.dispose]();
    });

    test("a container ends with its checkpoint, and goes on where it was with its log", async () => {
      await output("container", "checkpoint", name);
      assert.equal(await state(name), "exited");
      const before = reached();
      await output("container", "restore", name);
      assert.equal(await state(name), "running");
      await eventually(async () => `${reached() > before}`, /true/);
      await eventually(() => output("logs", name), new RegExp(`^${before + 1}$`, "m"));
      assert.equal(await output("exec", name, "echo", "in"), "in");
    });

    test("an exported checkpoint becomes another container", async () => {
      const archive = at("checkpoint.tar.gz");
      await output("container", "checkpoint", "--export", archive, name);
      const before = reached();
      await output("rm", name);
      await output("container", "restore", "--import", archive, "--name", `${name}-2`);
      assert.equal(await state(`${name}-2`), "running");
      await eventually(async () => `${reached() > before}`, /true/);
      writeFileSync(at("shared/stop"), "");
      assert.equal(await output("wait", `${name}-2`), "7");
    });

    test("a container with a terminal goes on, and takes what is typed", async () => {
      const box = `${name}-terminal`;
      const script = "while read word; do echo got $word; [ $word != end ] || exit 4; done";
      const run = [
        "run",
        "--detach",
        "--interactive",
        "--tty",
        "--name",
        box,
        "--network",
        "none",
        ...LIMITS,
      ];
      await output(...run, IMAGE, "sh", "-c", script);
      await output("container", "checkpoint", box);
      assert.equal(await state(box), "exited");
      await output("container", "restore", box);
      await using terminal = await openTerminal("podman", [...global, "attach", box]);
      // What is typed before it is attached would not come to the container.
      await eventually(async () => {
        terminal.type("word\r");
        return terminal.output();
      }, /got word/);
      terminal.type("end\r");
      await terminal.exit;
      assert.equal(await output("wait", box), "4");
    });
  });
}
