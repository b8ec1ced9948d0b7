/** Uploads of `corten copy`, `sync`, `artifact push` and `push` that were killed go on where they were, in a later process. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { after, before, beforeEach, describe, test } from "node:test";
import { createRegistry, memoryStorage } from "../../src/registry/index.ts";
import { openSink } from "../../src/transport/index.ts";
import { corten } from "../support/index.ts";
import { type Forwarder, startForwarder } from "../transport/forwarder.ts";
import { writeSample } from "../transport/sample-image.ts";
import { cortenIn } from "./corten-in.ts";

const MIB = 1024 * 1024;
const { scratch, at, run, must } = cortenIn("cut-uploads");

describe("uploads that were cut", () => {
  const registry = createRegistry({ storage: memoryStorage() });
  const server = createServer(registry.handler);
  let forwarder: Forwarder;

  before(async () => {
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    forwarder = await startForwarder(`127.0.0.1:${(server.address() as AddressInfo).port}`);
    for (const place of [`oci:${at("layout")}:1`, `dir:${at("all/app")}`]) {
      if (place.startsWith("dir:")) mkdirSync(at("all"));
      await using sink = await openSink(place);
      await writeSample(sink, 24);
    }
    writeFileSync(join(scratch.path, "large.bin"), Buffer.alloc(24 * MIB, "large"));
    await must("copy", "-q", `oci:${at("layout")}:1`, "corten:app:1");
  });
  after(async () => {
    await forwarder[Symbol.asyncDispose]();
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
    await registry[Symbol.asyncDispose]();
    scratch[Symbol.dispose]();
  });
  beforeEach(() => {
    forwarder.seen.length = 0;
    forwarder.stuckAfter = Number.POSITIVE_INFINITY;
  });

  const commands: readonly (readonly [string, (host: string) => readonly string[]])[] = [
    ["copy", (host) => ["copy", "-q", `oci:${at("layout")}:1`, `docker://${host}/copied:1`]],
    ["sync", (host) => ["sync", "-q", "-s", "dir", "-d", "docker", at("all"), `${host}/synced`]],
    ["artifact push", (host) => ["artifact", "push", "-q", `${host}/file:1`, "large.bin"]],
    [
      "image mutate",
      (host) => ["image", "mutate", "-q", "-l", "a=b", `oci:${at("layout")}:1`, `docker://${host}/new:1`],
    ],
    ["push", (host) => ["push", "-q", "app:1", `${host}/pushed:1`]],
  ];

  for (const [name, words] of commands) {
    test(`corten ${name} goes on after it was killed`, async () => {
      const args = ["--root", at("data"), ...words(forwarder.address)];
      forwarder.stuckAfter = 8 * MIB;
      const first = spawn(corten, args, { cwd: scratch.path, stdio: ["ignore", "ignore", "inherit"] });
      const ended = new Promise((resolve) => first.once("exit", (code, signal) => resolve(signal ?? code)));
      await Promise.race([
        forwarder.until(() => forwarder.seen.some(({ asked }) => asked > 7 * MIB)),
        ended.then((how) => assert.fail(`it ended: ${how}`)),
      ]);
      first.kill("SIGKILL");
      assert.equal(await ended, "SIGKILL");

      forwarder.stuckAfter = Number.POSITIVE_INFINITY;
      forwarder.seen.length = 0;
      const again = spawn(corten, args, { cwd: scratch.path, stdio: ["ignore", "ignore", "inherit"] });
      assert.equal(await new Promise((resolve) => again.once("exit", resolve)), 0);
      const [resumed, ...others] = forwarder.seen.filter(({ method }) => method === "PATCH");
      assert.deepEqual(others, []);
      const offset = Number(/^([0-9]+)-/.exec(resumed!.headers["content-range"] ?? "")?.[1]);
      assert.ok(offset > 7 * MIB, `it went on at ${offset}`);
    });
  }

  test("where nothing can be remembered, a copy says so and goes on", async () => {
    const { exitCode, stderr } = await run(
      ...["--root", "/proc/corten", "copy", "-q", `oci:${at("layout")}:1`],
      `docker://${forwarder.address}/other:1`,
    );
    assert.equal(exitCode, 0, stderr);
    assert.match(stderr, /^Warning: an upload that is cut will begin anew, .*\/proc\/corten/m);
  });
});
