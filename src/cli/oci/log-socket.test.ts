import assert from "node:assert/strict";
import { test } from "node:test";
import { journalEntry, syslogEntry } from "./log-socket.ts";

test("an entry of the journal carries its message with its length, whatever it holds", () => {
  const entry = Buffer.from(journalEntry("box\nPRIORITY=0", "error", "two\nlines: ä"));
  const text = "PRIORITY=3\nSYSLOG_IDENTIFIER=box PRIORITY=0\nMESSAGE\n";
  assert.equal(entry.subarray(0, text.length).toString(), text);
  assert.equal(Number(entry.readBigUInt64LE(text.length)), Buffer.byteLength("two\nlines: ä"));
  assert.equal(entry.subarray(text.length + 8).toString(), "two\nlines: ä\n");
});

test("an entry of syslog is one line with facility and severity", () => {
  const entry = Buffer.from(syslogEntry("box", "warning", "a\n<0>b")).toString();
  assert.equal(entry, `<12>box[${process.pid}]: a <0>b`);
});
