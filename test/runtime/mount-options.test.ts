import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { mountOptionNames } from "../../src/runtime/index.ts";
import type { RuntimeMount } from "../../src/spec/index.ts";
import { ALL_FLAGS, isRoot, MountSource, type SeenMount, seenMounts } from "../support/index.ts";
import { Containers } from "./containers.ts";

/** What an option is for, and how mountinfo shows it. */
type Expectation =
  /** A flag of a mount: on a plain source it appears, or from a strict one it goes. */
  | { readonly flag: string; readonly set: boolean }
  | { readonly superblock: string; readonly set: boolean }
  /** The optional fields of a bind of a shared source. */
  | { readonly propagation: readonly string[] }
  /** Asks the kernel for nothing that a mount table shows. */
  | "quiet"
  /** Has a test of its own. */
  | "elsewhere";

const flag = (name: string, set = true): Expectation => ({ flag: name, set });
const superblock = (name: string, set = true): Expectation => ({ superblock: name, set });
const propagation = (...tags: readonly string[]): Expectation => ({ propagation: tags });

const ATTRIBUTES: Readonly<Record<string, Expectation>> = {
  ro: flag("ro"),
  rw: flag("ro", false),
  nosuid: flag("nosuid"),
  suid: flag("nosuid", false),
  nodev: flag("nodev"),
  dev: flag("nodev", false),
  noexec: flag("noexec"),
  exec: flag("noexec", false),
  nodiratime: flag("nodiratime"),
  diratime: flag("nodiratime", false),
  nosymfollow: flag("nosymfollow"),
  symfollow: flag("nosymfollow", false),
  noatime: flag("noatime"),
  atime: flag("noatime", false),
  relatime: flag("relatime"),
  norelatime: flag("noatime", false),
  strictatime: flag("relatime", false),
  nostrictatime: flag("noatime", false),
};

const PROPAGATIONS: Readonly<Record<string, Expectation>> = {
  private: propagation(),
  slave: propagation("master"),
  shared: propagation("shared", "master"),
  unbindable: propagation("unbindable"),
};

const recursive = (table: Readonly<Record<string, Expectation>>) =>
  Object.fromEntries(Object.entries(table).map(([name, expected]) => [`r${name}`, expected]));

const EXPECTED: Readonly<Record<string, Expectation>> = {
  ...ATTRIBUTES,
  ...recursive(ATTRIBUTES),
  ...PROPAGATIONS,
  ...recursive(PROPAGATIONS),
  sync: superblock("sync"),
  async: superblock("sync", false),
  dirsync: superblock("dirsync"),
  lazytime: superblock("lazytime"),
  nolazytime: superblock("lazytime", false),
  mand: superblock("mand"),
  nomand: superblock("mand", false),
  ...Object.fromEntries(
    ["defaults", "iversion", "noiversion", "silent", "loud"].map((name) => [name, "quiet"]),
  ),
  ...Object.fromEntries(
    ["bind", "rbind", "remount", "idmap", "ridmap", "tmpcopyup"].map((name) => [name, "elsewhere"]),
  ),
  ...Object.fromEntries(["copy-symlink", "src-nofollow", "dest-nofollow"].map((name) => [name, "elsewhere"])),
};

describe("mount options", { skip: !isRoot }, () => {
  let containers: Containers;
  let source: MountSource;
  before(() => {
    containers = new Containers();
    source = new MountSource();
  });
  after(async () => {
    source[Symbol.dispose]();
    await containers[Symbol.asyncDispose]();
  });

  /** What a container sees of a mount on /data and of those below it. */
  async function see(mount: Omit<RuntimeMount, "destination">): Promise<ReadonlyMap<string, SeenMount>> {
    const shown = await containers.run(["/bin/cat", "/proc/self/mountinfo"], (config) =>
      config.mounts.push({ destination: "/data", ...mount }),
    );
    assert.deepEqual([shown.exitCode, shown.stderr], [0, ""]);
    return seenMounts(shown.stdout);
  }

  const bind = (from: string, ...options: readonly string[]) =>
    see({ type: "bind", source: source.join(from), options: ["rbind", ...options] });

  test("are all tried here", () => {
    assert.deepEqual(Object.keys(EXPECTED).sort(), mountOptionNames());
  });

  for (const [option, expected] of Object.entries(EXPECTED)) {
    if (expected === "elsewhere") continue;
    const deep = Object.hasOwn(EXPECTED, option.slice(1)) && option.startsWith("r") && option !== "rw";
    test(option, async () => {
      if (expected === "quiet") {
        assert.ok((await see({ type: "tmpfs", source: "tmpfs", options: [option] })).has("/data"));
      } else if ("superblock" in expected) {
        const before = expected.set ? [] : [expected.superblock];
        const seen = await see({ type: "tmpfs", source: "tmpfs", options: [...before, option] });
        assert.equal(seen.get("/data")!.superOptions.includes(expected.superblock), expected.set);
      } else if ("propagation" in expected) {
        const seen = await bind("plain", option);
        assert.deepEqual(seen.get("/data")!.propagation, expected.propagation);
        assert.deepEqual(seen.get("/data/below")!.propagation, deep ? expected.propagation : ["master"]);
      } else {
        // relatime is what a plain source has.
        const from = expected.set === (expected.flag !== "relatime") ? "plain" : "strict";
        const seen = await bind(from, option);
        const has = (place: string) => seen.get(place)!.options.includes(expected.flag);
        assert.equal(has("/data"), expected.set);
        const untouched = from === "strict" ? expected.flag !== "relatime" : expected.flag === "relatime";
        assert.equal(has("/data/below"), deep ? expected.set : untouched);
        const others = ALL_FLAGS.filter((name) => name !== expected.flag && !/atime$/.test(name));
        for (const name of others)
          assert.equal(seen.get("/data")!.options.includes(name), from === "strict", name);
      }
    });
  }

  test("strictatime is neither noatime nor relatime", async () => {
    const { options } = (await bind("strict", "strictatime")).get("/data")!;
    assert.ok(!options.includes("noatime") && !options.includes("relatime"));
  });

  test("hold for new file systems, too", async () => {
    const options = ["ro", "nosuid", "nodev", "noexec", "noatime", "nodiratime", "nosymfollow", "size=64k"];
    const seen = (await see({ type: "tmpfs", source: "tmpfs", options })).get("/data")!;
    for (const name of options.slice(0, -1)) assert.ok(seen.options.includes(name), name);
    assert.ok(seen.superOptions.includes("size=64k"));
  });

  test("bind shows a mount alone, rbind all below it", async () => {
    assert.equal((await bind("plain")).has("/data/below"), true);
    const alone = await see({ source: source.join("plain"), options: ["bind"] });
    assert.deepEqual([alone.has("/data"), alone.has("/data/below")], [true, false]);
  });

  test("remount changes the flags and the file system of what is there", async () => {
    const remounted = async (...options: readonly string[]) => {
      const shown = await containers.run(["/bin/cat", "/proc/self/mountinfo"], (config) =>
        config.mounts.push(
          { destination: "/data", type: "tmpfs", source: "tmpfs", options: ["nosuid", "size=32k"] },
          { destination: "/data", type: "tmpfs", source: "tmpfs", options: ["remount", ...options] },
        ),
      );
      assert.equal(shown.stderr, "");
      return seenMounts(shown.stdout).get("/data")!;
    };
    const changed = await remounted("ro", "size=64k");
    assert.ok(changed.options.includes("ro") && changed.options.includes("nosuid"));
    assert.ok(changed.superOptions.includes("size=64k"));
    const bound = await remounted("bind", "noexec", "suid");
    assert.ok(bound.options.includes("noexec") && !bound.options.includes("nosuid"));
    assert.ok(bound.superOptions.includes("size=32k"));
  });
});
