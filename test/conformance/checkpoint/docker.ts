import assert from "node:assert/strict";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import {
  assertNothingLeft,
  commandOutput,
  makeBusyboxImage,
  snapshotHost,
  temporaryDirectory,
} from "../../support/index.ts";
import { Daemon, eventually } from "../engines/daemon.ts";
import { runtimes } from "../engines/runtimes.ts";

const IMAGE = "corten-test/busybox:1";
const COUNT =
  "i=0; until [ -e /shared/stop ]; do i=$((i+1)); echo $i | tee /shared/n; sleep .1; done; exit 7";

for (const runtime of runtimes) {
  describe(`Docker checkpoints and restores through ${runtime.name}`, { timeout: 240_000 }, () => {
    const scratch = temporaryDirectory("criu-docker");
    const at = (name: string) => join(scratch.path, name);
    const host = `unix://${at("docker.sock")}`;
    const docker = (...args: string[]) => commandOutput("docker", ["--host", host, ...args]);
    const left = snapshotHost({ matching: new RegExp(scratch.path) });
    const reached = () => (existsSync(at("shared/n")) ? Number(readFileSync(at("shared/n"), "utf8")) : 0);
    const state = () => docker("inspect", "--format", "{{.State.Status}}", "box");
    let daemon: Daemon;

    before(async () => {
      const places = [
        "--host",
        host,
        "--data-root",
        at("data"),
        "--exec-root",
        at("x"),
        "--pidfile",
        at("pid"),
      ];
      const quiet = ["--storage-driver", "vfs", "--bridge", "none", "--iptables=false", "--ip6tables=false"];
      const candidate = ["--add-runtime", `candidate=${runtime.path}`, "--default-runtime", "candidate"];
      // Mounts and a network of its own: the machine's firewall and interfaces stay as they are. criu connects to itself
      // to learn about sockets.
      const up = ["sh", "-c", 'ip link set lo up && exec "$@"', "sh"];
      const args = [
        "--mount",
        "--net",
        ...up,
        "dockerd",
        "--experimental",
        ...places,
        ...quiet,
        ...candidate,
      ];
      daemon = new Daemon("unshare", args, at("log"));
      await daemon.ready("docker", ["--host", host, "version"]);
      await makeBusyboxImage(at("busybox.tar"), IMAGE);
      await docker("load", "--input", at("busybox.tar"));
      mkdirSync(at("shared"));
      const volume = ["--volume", `${at("shared")}:/shared`];
      await docker(
        "run",
        "--detach",
        "--name",
        "box",
        "--network",
        "none",
        ...volume,
        IMAGE,
        "sh",
        "-c",
        COUNT,
      );
      await eventually(async () => `${reached() > 2}`, /true/);
    });
    after(async () => {
      await daemon[Symbol.asyncDispose]();
      await assertNothingLeft(left);
      scratch[Symbol.dispose]();
    });

    test("a container that runs on has a checkpoint; one that ends goes on where it was", async () => {
      await docker("checkpoint", "create", "--leave-running", "box", "first");
      assert.equal(await state(), "running");
      assert.match(await docker("checkpoint", "ls", "box"), /^first$/m);
      await docker("checkpoint", "create", "box", "second");
      await eventually(state, /exited/);
      const before = reached();
      await docker("start", "--checkpoint", "second", "box");
      assert.equal(await state(), "running");
      await eventually(async () => `${reached() > before}`, /true/);
      await eventually(() => docker("logs", "box"), new RegExp(`^${before + 1}$`, "m"));
      assert.equal(await docker("exec", "box", "echo", "in"), "in");
      writeFileSync(at("shared/stop"), "");
      assert.equal(await docker("wait", "box"), "7");
      await docker("rm", "box");
    });
  });
}
