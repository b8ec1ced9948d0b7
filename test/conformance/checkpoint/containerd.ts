import assert from "node:assert/strict";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { assertNothingLeft, snapshotHost } from "../../support/index.ts";
import { Containerd, IMAGE } from "../engines/containerd.ts";
import { eventually } from "../engines/daemon.ts";
import { runtimes } from "../engines/runtimes.ts";

const COUNT = "i=0; until [ -e /shared/stop ]; do i=$((i+1)); echo $i > /shared/n; sleep .1; done; exit 7";

for (const runtime of runtimes) {
  describe(`containerd checkpoints and restores through ${runtime.name}`, { timeout: 180_000 }, () => {
    const containerd = new Containerd();
    const ctr = (...args: string[]) => containerd.must(...args);
    const name = `corten-criu-${runtime.name}`;
    const shared = join(containerd.directory, "shared");
    const left = snapshotHost({ matching: new RegExp(`${containerd.directory}|${name}`) });
    const reached = () =>
      existsSync(join(shared, "n")) ? Number(readFileSync(join(shared, "n"), "utf8")) : 0;

    before(async () => {
      await containerd.start();
      mkdirSync(shared);
      const mount = ["--mount", `type=bind,src=${shared},dst=/shared,options=rbind:rw`];
      const run = ["run", "--detach", "--null-io", "--runc-binary", runtime.path, ...mount];
      await ctr(...run, IMAGE, name, "sh", "-c", COUNT);
      await eventually(async () => `${reached() > 2}`, /true/);
    });
    after(async () => {
      for (const each of [name, `${name}-2`]) {
        await containerd.ctr("tasks", "delete", "--force", each);
        await containerd.ctr("containers", "delete", each);
      }
      await containerd[Symbol.asyncDispose]();
      await assertNothingLeft(left);
    });

    test("a task that runs on is written to an image, from which another one is made", async () => {
      const reference = "docker.io/corten-test/checkpoint:1";
      await ctr("containers", "checkpoint", "--task", "--rw", "--image", name, reference);
      const before = reached();
      await eventually(async () => `${reached() > before}`, /true/);
      await ctr("tasks", "delete", "--force", name);
      await ctr("containers", "delete", name);
      await ctr("containers", "restore", "--live", "--rw", `${name}-2`, reference);
      assert.match(await ctr("tasks", "ls"), new RegExp(`${name}-2\\s+\\d+\\s+RUNNING`));
      const restored = reached();
      await eventually(async () => `${reached() > restored}`, /true/);
      writeFileSync(join(shared, "stop"), "");
      await eventually(() => ctr("tasks", "ls"), new RegExp(`${name}-2\\s+\\d+\\s+STOPPED`));
    });
  });
}
