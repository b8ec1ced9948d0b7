import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import {
  assertNothingLeft,
  command,
  commandOutput,
  corten,
  makeBusyboxImage,
  type Registry,
  snapshotHost,
  startRegistry,
  temporaryDirectory,
} from "../support/index.ts";

/** Kills per command; the moments are spread at random over the time that the command takes undisturbed. */
const MOMENTS = 20;

/**
 * SIGKILL gives no chance to clean up, so whatever was half done is found, and finished or undone, by the next
 * command that looks.
 */
describe("SIGKILL at any moment leaves a state that the next command repairs", { timeout: 600_000 }, () => {
  const scratch = temporaryDirectory("sigkill");
  const root = join(scratch.path, "data");
  const global = ["--root", root, "--run-root", join(scratch.path, "run")];
  const must = (...args: string[]) => commandOutput(corten, [...global, ...args]);
  let registry: Registry;
  let image: string;

  before(async () => {
    mkdirSync(root, { mode: 0o700 });
    registry = await startRegistry();
    image = `${registry.address}/corten-test/busybox:1`;
    const archive = join(scratch.path, "busybox.tar");
    await makeBusyboxImage(archive, image);
    const copy = [
      "copy",
      "--quiet",
      "--dest-tls-verify=false",
      `docker-archive:${archive}`,
      `docker://${image}`,
    ];
    await commandOutput("skopeo", copy);
  });

  after(async () => {
    await registry[Symbol.asyncDispose]();
    scratch[Symbol.dispose]();
  });

  /** Runs a command and kills it after `delay` ms, if it is still there; resolves when it is gone. */
  async function killed(args: readonly string[], delay: number): Promise<void> {
    const child = spawn(corten, [...global, ...args], { stdio: ["ignore", "ignore", "ignore"] });
    const gone = new Promise((resolve) => child.once("exit", resolve));
    const timer = setTimeout(() => child.kill("SIGKILL"), delay);
    await gone;
    clearTimeout(timer);
  }

  /** How long a command takes when nobody kills it, in ms. */
  async function duration(args: readonly string[]): Promise<number> {
    const start = performance.now();
    await must(...args);
    return performance.now() - start;
  }

  function moments(total: number): number[] {
    return Array.from({ length: MOMENTS }, () => Math.random() * total * 1.1);
  }

  test("pull: it is resumed, and the image runs", async () => {
    const total = await duration(["pull", image]);
    for (const moment of moments(total)) {
      await must("rmi", "--force", image);
      await killed(["pull", image], moment);
      await must("images");
      await must("pull", image);
      assert.equal(await must("run", "--rm", image, "echo", "whole"), "whole", `killed after ${moment} ms`);
    }
  });

  test("run: the name is free again, and nothing of the dead container is left", async () => {
    const args = ["run", "--rm", "--name", "victim", image, "sleep", "0.02"];
    const total = await duration(args);
    const left = snapshotHost({ matching: new RegExp(`corten|${scratch.path}`) });
    for (const moment of moments(total)) {
      await killed(args, moment);
      await must("rm", "--force", "--ignore", "victim");
      assert.equal(
        await must("run", "--rm", "--name", "victim", image, "echo", "again"),
        "again",
        `killed after ${moment} ms`,
      );
      assert.deepEqual(
        JSON.parse(await must("ps", "-a", "--format", "json")),
        [],
        `killed after ${moment} ms`,
      );
    }
    await assertNothingLeft(left);
  });

  test("run -d: the container is there whole or not at all", async () => {
    const args = ["run", "-d", "--name", "victim", image, "sleep", "60"];
    const total = await duration(args);
    await must("rm", "--force", "victim");
    const left = snapshotHost({ matching: new RegExp(`corten|${scratch.path}`) });
    for (const moment of moments(total)) {
      await killed(args, moment);
      const listed = JSON.parse(await must("ps", "-a", "--format", "json")) as unknown[];
      assert.ok(listed.length <= 1);
      await must("rm", "--force", "--ignore", "victim");
      assert.deepEqual(
        JSON.parse(await must("ps", "-a", "--format", "json")),
        [],
        `killed after ${moment} ms`,
      );
    }
    await assertNothingLeft(left);
  });

  test("rm: a second one finishes what the first began", async () => {
    const start = ["run", "-d", "--name", "victim", image, "sleep", "60"];
    await must(...start);
    const total = await duration(["rm", "--force", "victim"]);
    const left = snapshotHost({ matching: new RegExp(`corten|${scratch.path}`) });
    for (const moment of moments(total)) {
      await must(...start);
      await killed(["rm", "--force", "victim"], moment);
      const result = await command(corten, [...global, "rm", "--force", "--ignore", "victim"]);
      assert.equal(result.exitCode, 0, `killed after ${moment} ms: ${result.stderr}`);
      assert.deepEqual(
        JSON.parse(await must("ps", "-a", "--format", "json")),
        [],
        `killed after ${moment} ms`,
      );
    }
    await assertNothingLeft(left);
  });
});
