import assert from "node:assert/strict";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { encodePlan } from "../../src/runtime/index.ts";
import { command, isRoot, temporaryDirectory } from "../support/index.ts";
import { builds, type Draft, foreground, Kernel, makeBuilds, makePlan, shell } from "./executor.ts";
import { env } from "./running.ts";
import { writeImage } from "./small-image.ts";

makeBuilds("all", "asan");

const enter = (directory: string): Draft => ({ op: "enterLayers", out: "$home", root: "$layers", directory });
const leave: Draft = { op: "leaveLayers", home: "$home", root: "$layers" };
const share = (out: string, file: string, loop = 0): Draft => ({
  op: "shareLayer",
  out,
  home: "$home",
  root: "$layers",
  file,
  archive: null,
  loop,
});

/** A container that prints what the first layer's clone holds, and how many mounts of that kind it sees. */
function reader(layers: string, files: readonly string[], loop = 0) {
  return {
    host: [
      enter(layers),
      ...files.map((file, index) => share(`$clone${index}`, file, loop)),
      leave,
      ...foreground({ flags: Kernel.CLONE_NEWNS }),
    ],
    container: [
      { op: "open", out: "$/", path: "/", flags: Kernel.O_PATH },
      { op: "setMountAttributes", target: "$/", recursive: 1, propagation: Kernel.MS_PRIVATE },
      { op: "open", out: "$at", path: `${layers}/../at`, flags: Kernel.O_PATH },
      { op: "moveMount", from: "$clone0", to: "$at" },
      ...shell(`cat ${layers}/../at/file; grep -c erofs /proc/self/mountinfo; pwd`),
    ] as readonly Draft[],
  };
}

for (const { name, init } of builds) {
  describe(`layers of all containers, ${name}`, { skip: !isRoot }, () => {
    /** Plans that run one after the other in a mount namespace that ends with the test; then `script`. */
    async function run(scratch: string, plans: ReadonlyArray<Parameters<typeof makePlan>[1]>, script = "") {
      const paths = plans.map((sections, index) => {
        const place = join(scratch, `work-${index}`);
        mkdirSync(place);
        writeFileSync(join(place, "plan"), encodePlan(makePlan(place, sections)), { mode: 0o600 });
        return join(place, "plan");
      });
      const lines = paths.map((path) => `${init} ${path} </dev/null || echo failed; `);
      const words = ["--mount", "--propagation", "private", "sh", "-c", `${lines.join("")}${script}`];
      const result = await command("unshare", words, { cwd: scratch, env: env as Record<string, string> });
      const failures = paths.flatMap((path) => {
        const place = path.slice(0, -"/plan".length);
        return readdirSync(place).includes("failure") ? [readFileSync(join(place, "failure"), "utf8")] : [];
      });
      return { ...result, failures };
    }

    async function prepare(scratch: string, count: number): Promise<string[]> {
      for (const part of ["layers", "at"]) mkdirSync(join(scratch, part), { mode: 0o700 });
      const files = Array.from({ length: count }, (_, index) => join(scratch, `${index}.erofs`));
      for (const file of files) await writeImage(file, `${file}\n`);
      return files;
    }

    for (const loop of [0, 1]) {
      test(`are mounted once and cloned${loop === 1 ? ", through loop devices" : ""}`, async () => {
        using scratch = temporaryDirectory("layers");
        const layers = join(scratch.path, "layers");
        const files = await prepare(scratch.path, 2);
        const listing = "grep -c ' nsfs ' /proc/self/mountinfo";
        const container = reader(layers, files, loop);
        const result = await run(scratch.path, [container, container], listing);
        assert.deepEqual(result.failures, []);
        // Each container sees its own clone and no other layer; the host's table shows the one bind mount.
        const one = `${files[0]}\n1\n${scratch.path}\n`;
        assert.equal(result.stdout, `${one}${one}1\n`);
      });
    }

    test("have the same superblock in all containers", async () => {
      using scratch = temporaryDirectory("layers");
      const layers = join(scratch.path, "layers");
      const [file] = await prepare(scratch.path, 1);
      const { host, container } = reader(layers, [file!]);
      const shown = [...container.slice(0, 4), ...shell(`stat -c %d ${scratch.path}/at/file`)];
      const plan = { host, container: shown };
      const result = await run(scratch.path, [plan, plan]);
      const [first, second, ...rest] = result.stdout.split("\n");
      assert.match(first!, /^\d+$/);
      assert.equal(second, first);
      assert.deepEqual(rest, [""]);
    });

    test("are kept as asked for, and gone when nothing keeps the namespace", async () => {
      using scratch = temporaryDirectory("layers");
      const layers = join(scratch.path, "layers");
      const [one, two, three] = await prepare(scratch.path, 3);
      const superblock = (file: string) => {
        const { host, container } = reader(layers, [file]);
        return {
          host,
          container: [...container.slice(0, 4), ...shell(`stat -c %d ${scratch.path}/at/file`)],
        };
      };
      const end = { op: "finish", code: 0 } as const;
      const keep = [
        enter(layers),
        { op: "keepLayers", home: "$home", root: "$layers", files: [two, "/no/such/file"] },
        leave,
        end,
      ] as const;
      const unpin = [{ op: "unpinLayers", directory: layers }, end] as const;
      const before = [superblock(one!), superblock(two!)];
      // The third takes the number that is free then: the first cannot have the same again by chance.
      const after = [superblock(three!), superblock(one!), superblock(two!)];
      const plans = [...before, { host: keep }, ...after, { host: unpin }, { host: unpin }];
      const result = await run(scratch.path, plans, "ls layers; grep -c nsfs /proc/self/mountinfo");
      assert.deepEqual(result.failures, []);
      const [oldOne, oldTwo, , newOne, newTwo, left] = result.stdout.trimEnd().split("\n");
      assert.equal(newTwo, oldTwo);
      assert.notEqual(newOne, oldOne);
      assert.equal(left, "0");
    });

    test("of a damaged image are an error that names it, in the host's own namespace", async () => {
      using scratch = temporaryDirectory("layers");
      const layers = join(scratch.path, "layers");
      await prepare(scratch.path, 0);
      const file = join(scratch.path, "bad.erofs");
      writeFileSync(file, Buffer.alloc(8192));
      const onFailure = ["/bin/sh", "-c", "readlink /proc/self/ns/mnt"];
      const host = [enter(layers), share("$one", file), leave];
      const result = await run(scratch.path, [{ host, onFailure }], "readlink /proc/self/ns/mnt");
      assert.match(result.failures[0]!, /mounting the EROFS image ".*bad\.erofs".*: EINVAL/);
      const [inside, outside] = result.stdout.split("\n").filter((line) => line.startsWith("mnt"));
      assert.equal(inside, outside);
    });

    test("of a file that is missing are an error", async () => {
      using scratch = temporaryDirectory("layers");
      const layers = join(scratch.path, "layers");
      await prepare(scratch.path, 0);
      const result = await run(scratch.path, [
        { host: [enter(layers), share("$one", "/none.erofs"), leave] },
      ]);
      assert.match(result.failures[0]!, /stat\("\/none\.erofs"\): ENOENT/);
    });

    test("are mounted once by many that come at the same time, one of which is killed", async () => {
      using scratch = temporaryDirectory("layers");
      const layers = join(scratch.path, "layers");
      const [file] = await prepare(scratch.path, 1);
      const paths = Array.from({ length: 12 }, (_, index) => {
        const place = join(scratch.path, `many-${index}`);
        mkdirSync(place);
        const { host, container } = reader(layers, [file!]);
        const shown = [...container.slice(0, 4), ...shell(`stat -c %d ${scratch.path}/at/file`)];
        writeFileSync(join(place, "plan"), encodePlan(makePlan(place, { host, container: shown })));
        return join(place, "plan");
      });
      const starts = paths.map((path) => `${init} ${path} </dev/null &`).join(" ");
      const script = `${starts} kill -9 $!; wait; grep -c nsfs /proc/self/mountinfo`;
      const words = ["--mount", "--propagation", "private", "sh", "-c", script];
      const result = await command("unshare", words, { env: env as Record<string, string> });
      const lines = result.stdout.trimEnd().split("\n");
      assert.equal(lines.pop(), "1");
      assert.ok(lines.length >= 11, result.stderr);
      assert.equal(new Set(lines).size, 1);
    });
  });
}
