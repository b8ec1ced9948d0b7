import assert from "node:assert/strict";
import { describe, it } from "node:test";
import * as k from "./constants.ts";
import { readMountOptions } from "./mount-options.ts";

const read = (...options: string[]) => readMountOptions({ destination: "/x", options });

describe("mount options", () => {
  it("are set or cleared, the last of two contrary ones winning", () => {
    assert.deepEqual(read("ro", "nosuid", "rw").own, {
      set: k.MOUNT_ATTR_NOSUID,
      clear: k.MOUNT_ATTR_RDONLY,
    });
  });

  it("replace the access-time mode as a whole", () => {
    assert.deepEqual(read("noatime", "strictatime").own, {
      set: k.MOUNT_ATTR_STRICTATIME,
      clear: k.MOUNT_ATTR__ATIME,
    });
  });

  it("reach the whole tree with an r in front, which rbind, ro and relatime do not have", () => {
    const options = read("rbind", "ro", "relatime", "rnosuid", "rro");
    assert.equal(options.recursive, true);
    assert.equal(options.own.set, k.MOUNT_ATTR_RDONLY);
    assert.equal(options.tree.set, k.MOUNT_ATTR_NOSUID | k.MOUNT_ATTR_RDONLY);
  });

  it("tell propagation from flags", () => {
    const options = read("bind", "rslave");
    assert.deepEqual([options.propagation, options.propagationRecursive], [k.MS_SLAVE, true]);
  });

  it("ask for an id mapping, in the form of crun too, and for a new one of a mount that is there", () => {
    assert.deepEqual(read("bind", "ridmap").idmap, { recursive: true, mapping: "" });
    const idmap = read("idmap=uids=0-1-2;gids=3-4-5").idmap;
    assert.deepEqual(idmap, { recursive: false, mapping: "uids=0-1-2;gids=3-4-5" });
    assert.equal(read("remount", "ro").remount, true);
  });

  it("pass what they do not know to the file system", () => {
    assert.deepEqual(read("size=64k", "huge", "mode=755", "newinstance").data, [
      ["size", "64k"],
      ["huge", null],
      ["mode", "755"],
    ]);
  });
});
