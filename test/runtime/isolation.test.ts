import assert from "node:assert/strict";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { assertNothingLeft, type HostSnapshot, isRoot, snapshotHost } from "../support/index.ts";
import { Containers } from "./containers.ts";

/** What a program finds inside its container, set by set. */
describe("inside a container", { skip: isRoot ? false : "needs root" }, () => {
  let containers: Containers;
  let earlier: HostSnapshot;

  before(() => {
    earlier = snapshotHost({ matching: new RegExp(`rt-${process.pid}-`) });
    containers = new Containers();
  });
  after(async () => {
    await containers[Symbol.asyncDispose]();
    await assertNothingLeft(earlier);
  });

  it("is in its control group in every hierarchy", async () => {
    const id = await containers.create(["/bin/sleep", "100"]);
    const lines = readFileSync(`/proc/${containers.runtime.state(id).pid}/cgroup`, "utf8")
      .trim()
      .split("\n");
    assert.deepEqual(
      lines.filter((line) => !line.endsWith(`/${id}`)),
      [],
    );
  });

  it("puts layers together without a trace in the host's mount table", async () => {
    const lower = join(containers.directory, "lower");
    mkdirSync(lower);
    writeFileSync(join(lower, "from-layer"), "layer");
    const id = containers.id();
    const { launch } = await import("../../src/runtime/index.ts");
    const { configure } = await import("./containers.ts");
    const table = readFileSync("/proc/self/mountinfo", "utf8");
    const config = configure(
      [
        "/bin/sh",
        "-c",
        "cat /from-layer; echo changed > /from-layer; cat /from-layer; cmp /proc/1/mountinfo /etc/x 2>/dev/null; grep -c 'overlay' /proc/self/mountinfo",
      ],
      (change) => {
        change.root = { path: "rootfs" };
      },
    );
    const { stdout } = await containers.capture((stdio) =>
      launch(
        containers.runtime.prepareRun({
          id,
          bundle: containers.bundle,
          config,
          root: {
            kind: "layers",
            layers: [
              { kind: "directory", path: join(containers.bundle, "rootfs") },
              { kind: "directory", path: lower },
            ],
            upper: { kind: "tmpfs", sizeBytes: 1 << 20 },
          },
        }),
        { stdio },
      ),
    );
    assert.equal(stdout, "layerchanged\n1\n");
    assert.equal(readFileSync(join(lower, "from-layer"), "utf8"), "layer");
    assert.equal(readFileSync("/proc/self/mountinfo", "utf8"), table);
  });
});
