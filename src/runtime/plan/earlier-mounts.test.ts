import assert from "node:assert/strict";
import { test } from "node:test";
import { coveredSource } from "./earlier-mounts.ts";

const bind = (source: string, destination: string) => ({ source, destination, options: ["bind"] });
const tmpfs = (destination: string) => ({ type: "tmpfs", source: "tmpfs", destination });

test("the last mount before that covers a source in the root is what it shows", () => {
  const mounts = [
    bind("/srv/data", "/a"),
    tmpfs("/t"),
    bind("rootfs/a/deep", "/b"),
    bind("rootfs/b/more", "/c"),
    bind("rootfs/t/x", "/d"),
    bind("rootfs/etc", "/e"),
    bind("/elsewhere/a", "/f"),
    bind("rootfs/abc", "/g"),
    { destination: "/a", options: ["remount", "ro"] },
    bind("rootfs/a", "/h"),
  ];
  const found = mounts.map((_, index) => coveredSource(mounts, index, "/bundle", "/bundle/rootfs"));
  assert.deepEqual(found, [
    undefined,
    undefined,
    { inside: "/a/deep", behind: "/srv/data/deep" },
    { inside: "/b/more", behind: "/srv/data/deep/more" },
    { inside: "/t/x", behind: undefined },
    undefined,
    undefined,
    undefined,
    undefined,
    { inside: "/a", behind: "/srv/data" },
  ]);
});
