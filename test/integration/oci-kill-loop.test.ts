import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { basename, join } from "node:path";
import { describe, test } from "node:test";
import {
  assertNothingLeft,
  cortenOci,
  isRoot,
  makeBundle,
  snapshotHost,
  temporaryDirectory,
} from "../support/index.ts";

/** How many containers live and die; CONTAINERS=5000 for a long run. */
const CONTAINERS = Number(process.env["CONTAINERS"] ?? 500);
/** How many are handled at the same time. */
const LANES = 4;
/** The latest moment of a SIGKILL, in ms: a command takes less, so that some are never met. */
const LATEST = 60;

/** Begins as `create`, `run --detach` or a foreground `run`; anything of it may be killed, in the end it is gone. */
describe("a runtime killed at random moments", {
  skip: isRoot ? false : "needs root",
  timeout: 300_000,
}, () => {
  test(`${CONTAINERS} containers leave no mount, control group, process or directory`, async () => {
    using scratch = temporaryDirectory("kill-loop");
    const name = basename(scratch.path);
    const root = join(scratch.path, "state");
    const bundle = join(scratch.path, "bundle");
    // Its arguments tell the container's process from every other one on this machine.
    const marker = `9${process.pid}`;
    // Its control groups have the container's own name, of which `name` is a part.
    makeBundle(bundle, ["sleep", marker], ({ linux }) => {
      linux["resources"] = { pids: { limit: 32 }, devices: [{ allow: false, access: "rwm" }] };
    });
    const before = snapshotHost({ matching: new RegExp(`${name}|sleep ${marker}`) });

    /** Runs a command, and kills it after `moment` ms if it is still there. Resolves with its exit code, 137 if killed. */
    const oci = (args: readonly string[], moment?: number) =>
      new Promise<{ code: number; output: string }>((resolve, reject) => {
        const child = spawn(cortenOci, ["--root", root, ...args], { stdio: ["ignore", "pipe", "pipe"] });
        let output = "";
        for (const stream of [child.stdout, child.stderr]) {
          stream.on("data", (chunk: Buffer) => {
            output += chunk.toString();
          });
        }
        const timer = setTimeout(() => child.kill("SIGKILL"), moment ?? 30_000);
        child.on("error", reject);
        // A container that goes on keeps the pipes: the command's own end is what counts.
        child.on("exit", (code) => {
          clearTimeout(timer);
          setImmediate(() => {
            child.stdout.destroy();
            child.stderr.destroy();
            resolve({ code: code ?? 137, output });
          });
        });
      });
    const must = async (args: readonly string[], story: string) => {
      const { code, output } = await oci(args);
      assert.equal(code, 0, `${args.join(" ")}: ${output}; before: ${story}`);
      return output;
    };
    const moment = () => Math.random() * LATEST;
    const maybe = () => (Math.random() < 0.5 ? moment() : undefined);

    const live = async (id: string): Promise<void> => {
      const beginnings = [["create"], ["run", "--detach"], ["run"]];
      const beginning = beginnings[Math.floor(Math.random() * beginnings.length)]!;
      const story: string[] = [];
      const step = async (args: readonly string[], at: number | undefined) => {
        const { code } = await oci(args, at);
        story.push(`${args[0]} killed at ${at?.toFixed(1) ?? "never"}: ${code}`);
      };
      // In the foreground it would end by itself only after a long sleep.
      const foreground = beginning.length === 1 && beginning[0] === "run";
      await step([...beginning, "--bundle", bundle, id], foreground ? moment() : maybe());
      if (beginning[0] === "create") await step(["start", id], maybe());
      if (Math.random() < 0.3) await step(["exec", id, "true"], maybe());
      JSON.parse(await must(["list", "--format", "json"], story.join(", ")));
      if (Math.random() < 0.5) await step(["kill", id, "KILL"], maybe());
      if (Math.random() < 0.5) await step(["delete", "--force", id], moment());
      await must(["delete", "--force", id], story.join(", "));
    };

    let next = 0;
    const lane = async () => {
      while (next < CONTAINERS) {
        next += 1;
        await live(`${name}-${next}`);
      }
    };
    await Promise.all(Array.from({ length: LANES }, lane));

    const left = existsSync(root) ? readdirSync(root).filter((entry) => !entry.startsWith(".")) : [];
    assert.deepEqual(left, [], "directories of containers are left");
    const listed = await must(["list", "--format", "json"], "the end");
    assert.deepEqual(JSON.parse(listed) ?? [], []);
    const drafts = readdirSync(root).filter((entry) => /^\.(new|old)-/.test(entry));
    assert.deepEqual(drafts, [], "half-made directories are left");
    await assertNothingLeft(before, 5000);
  });
});
