import assert from "node:assert/strict";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { launch } from "../../src/runtime/index.ts";
import { isRoot } from "../support/index.ts";
import { Containers, configure } from "./containers.ts";

describe("a root that is moved instead of pivoted into", { skip: !isRoot }, () => {
  async function run(noPivot: boolean, script: string, uid = 0) {
    await using containers = new Containers();
    mkdirSync(join(containers.bundle, "rootfs/tmp"), { recursive: true });
    const config = configure(["/bin/sh", "-c", script], ({ process }) => {
      process.user = { uid, gid: uid };
    });
    return await containers.capture((stdio) => {
      const options = { id: containers.id(), bundle: containers.bundle, config, noPivot };
      return launch(containers.runtime.prepareRun(options), { stdio });
    });
  }

  test("is all that a container sees, read-only where asked, with its masks", async () => {
    const script =
      "cd ../../..; ls; touch /x; cat /proc/kcore | wc -c; echo x >/proc/sys/kernel/hostname; ls /..";
    const [moved, pivoted] = [await run(true, script), await run(false, script)];
    assert.equal(moved.exitCode, pivoted.exitCode);
    assert.equal(moved.stdout, pivoted.stdout);
    assert.equal(moved.stderr, pivoted.stderr);
    assert.match(moved.stderr, /Read-only file system/);
  });

  test("leaves no procfs in the namespace that lets a user namespace mount one without masks", async () => {
    const script = "unshare -U -r -p -m -f /bin/sh -c 'mount -t proc proc /tmp && echo mounted'";
    for (const noPivot of [false, true]) {
      const { stdout, stderr } = await run(noPivot, script, 1000);
      assert.deepEqual([stdout, stderr], ["", "mount: permission denied (are you root?)\n"]);
    }
  });
});
