import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { parseIdmap } from "./idmap.ts";

const none = { uids: [], gids: [] };

describe("the mapping of idmap=", () => {
  it("lists entries of users and groups", () => {
    assert.deepEqual(parseIdmap("uids=0-1-10#10-21-5;gids=0-100-10", none, "/x"), {
      uids: [
        { containerID: 0, hostID: 1, size: 10 },
        { containerID: 10, hostID: 21, size: 5 },
      ],
      gids: [{ containerID: 0, hostID: 100, size: 10 }],
    });
  });

  it("is relative to the container's user namespace with @", () => {
    const container = {
      uids: [
        { containerID: 0, hostID: 1000, size: 1 },
        { containerID: 1, hostID: 50_000, size: 100 },
      ],
      gids: [{ containerID: 0, hostID: 7, size: 9 }],
    };
    assert.deepEqual(parseIdmap("uids=@1-3-10;gids=@0-0-1", container, "/x"), {
      uids: [{ containerID: 1, hostID: 50_002, size: 10 }],
      gids: [{ containerID: 0, hostID: 7, size: 1 }],
    });
    assert.throws(() => parseIdmap("uids=@0-0-2;gids=0-0-1", container, "/x"), /does not have/);
  });

  for (const text of [
    "uids",
    "uids=;gids=",
    "x=0-0-1",
    "uids=0-0-1;uids=0-0-1",
    "uids=0-0--1",
    "uids=0-0-4294967296",
  ]) {
    it(`is refused as ${text}`, () => {
      assert.throws(() => parseIdmap(text, none, "/x"), { code: "invalid-argument", pointer: "/x" });
    });
  }
});
