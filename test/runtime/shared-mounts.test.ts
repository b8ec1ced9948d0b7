import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync, readlinkSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { assertNothingLeft, type BundleConfig, isRoot, snapshotHost } from "../support/index.ts";
import { Containers, configure } from "./containers.ts";

/** No namespace at all: what the host has, the container has. */
function bare(config: BundleConfig): void {
  config.linux["namespaces"] = [];
  Reflect.deleteProperty(config, "hostname");
  config.root = { path: "rootfs", readonly: true };
}

const mounts = () => readFileSync("/proc/self/mounts", "utf8");

describe("a container without a mount namespace", { skip: !isRoot }, () => {
  let containers: Containers;
  let table: string;
  before(() => {
    containers = new Containers();
    table = mounts();
  });
  after(async () => {
    await containers[Symbol.asyncDispose]();
    assert.equal(mounts(), table);
  });

  it("has its mounts, in the host's table as long as it runs", async () => {
    const left = snapshotHost({ matching: new RegExp(`rt-${process.pid}-`) });
    const script = "readlink /proc/self/ns/mnt; ls /dev/null /dev/shm; touch /x; cat /proc/self/mounts";
    const { exitCode, stdout, stderr } = await containers.run(["/bin/sh", "-c", script], bare);
    assert.equal(exitCode, 0, stderr);
    assert.match(stderr, /touch: \/x: Read-only file system/);
    assert.equal(stdout.split("\n")[0], readlinkSync("/proc/self/ns/mnt"));
    assert.match(stdout, /\/dev\/null/);
    // A process with a root of its own is told of what lies below it only.
    assert.match(stdout, /^\S+ \/ \S+ ro,/m);
    assert.match(stdout, /^\S+ \/proc proc /m);
    assert.equal(mounts(), table);
    await assertNothingLeft(left);
  });

  it("leaves them to delete, and nothing after that", async () => {
    const rootfs = join(containers.bundle, "rootfs");
    const before = readdirSync(join(rootfs, "dev"));
    const id = await containers.create(["/bin/sleep", "100"], bare);
    assert.match(mounts(), new RegExp(`^\\S+ ${rootfs}/proc proc `, "m"));
    assert.equal(existsSync(join(rootfs, "proc/self")), true);
    await containers.runtime.start(id);
    await containers.runtime.delete(id, { force: true });
    assert.equal(mounts(), table);
    assert.deepEqual(readdirSync(join(rootfs, "dev")), before);
  });

  it("leaves nothing when it cannot be made, or its maker is killed", async () => {
    const broken = (config: BundleConfig) => {
      bare(config);
      config.mounts.push({ destination: "/mnt", type: "nonsensefs" });
    };
    await assert.rejects(containers.create(["/bin/true"], broken), /nonsensefs/);
    assert.equal(mounts(), table);

    const { spawn } = await import("node:child_process");
    for (let delay = 0; delay < 8; delay++) {
      const id = containers.id();
      const { bundle, runtime } = containers;
      const config = configure(["/bin/sleep", "100"], bare);
      const prepared = runtime.prepareCreate({ id, bundle, config });
      const child = spawn(prepared.path, prepared.args.slice(1), { stdio: "ignore" });
      const ended = new Promise((resolve) => child.once("exit", resolve));
      await new Promise((resolve) => setTimeout(resolve, delay));
      child.kill("SIGKILL");
      await ended;
      await runtime.delete(id, { force: true });
      assert.equal(mounts(), table, `killed after ${delay} ms`);
    }
  });
});
