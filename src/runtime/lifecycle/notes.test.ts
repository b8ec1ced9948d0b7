import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { affinityNotes } from "./notes.ts";

const process = { args: ["true"], cwd: "/", user: { uid: 0, gid: 0 } };

describe("notes for a search for errors", () => {
  it("tell the CPUs that a process is started on, as a mask", () => {
    const note = (initial: string) => affinityNotes({ ...process, execCPUAffinity: { initial, final: "0" } });
    assert.deepEqual(note("0,1"), ["CPU affinity: 0x3"]);
    assert.deepEqual(note("4-5"), ["CPU affinity: 0x30"]);
    assert.deepEqual(note("68"), ["CPU affinity: 0x100000000000000000"]);
    assert.deepEqual(note(""), []);
    assert.deepEqual(affinityNotes(process), []);
  });
});
