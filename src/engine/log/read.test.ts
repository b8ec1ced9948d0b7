import assert from "node:assert/strict";
import { appendFileSync, mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, test } from "node:test";
import type { LogOptions } from "./entry.ts";
import { readLog } from "./read.ts";

let directory: string;
let file: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "corten-log-"));
  file = join(directory, "log");
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

const line = (second: number, text: string, stream = "stdout", tag = "F") =>
  `2020-01-01T00:00:${String(second).padStart(2, "0")}.000000000Z ${stream} ${tag} ${text}\n`;

async function read(options: LogOptions = {}, isLive = () => false): Promise<string> {
  let text = "";
  for await (const { stream, content, partial } of readLog({ file, isLive }, options)) {
    text += `${stream === "stderr" ? "!" : ""}${Buffer.from(content)}${partial ? "" : ";"}`;
  }
  return text;
}

test("the old log comes before the new one; broken lines are left out", async () => {
  writeFileSync(`${file}.1`, line(1, "a"));
  writeFileSync(file, `${line(2, "b", "stderr")}garbage\n${line(3, "c")}`);
  assert.equal(await read(), "a;!b;c;");
});

test("no log, no entries", async () => assert.equal(await read(), ""));

test("tail, since, until, streams", async () => {
  writeFileSync(
    file,
    [line(1, "a"), line(2, "b", "stderr"), line(3, "c", "stdout", "P"), line(4, "d"), line(5, "e")].join(""),
  );
  assert.equal(await read({ tail: 2 }), "cd;e;");
  assert.equal(await read({ tail: 0 }), "");
  assert.equal(await read({ tail: 100 }), "a;!b;cd;e;");
  assert.equal(await read({ streams: ["stderr"] }), "!b;");
  assert.equal(await read({ since: new Date("2020-01-01T00:00:04Z") }), "d;e;");
  assert.equal(await read({ until: new Date("2020-01-01T00:00:02Z") }), "a;");
});

test("follows over a rotation until the container has ended", async () => {
  writeFileSync(file, line(1, "a"));
  const steps = [
    () => appendFileSync(file, line(2, "b").slice(0, 10)),
    () => appendFileSync(file, line(2, "b").slice(10)),
    () => {
      appendFileSync(file, line(3, "c"));
      renameSync(file, `${file}.1`);
      writeFileSync(file, line(4, "d"));
    },
    () => appendFileSync(file, line(5, "e", "stdout", "P")),
  ];
  const isLive = () => {
    const step = steps.shift();
    step?.();
    return step !== undefined;
  };
  assert.equal(await read({ follow: true }, isLive), "a;b;c;d;e");
});

test("following ends with the caller's signal", async () => {
  writeFileSync(file, line(1, "a"));
  assert.equal(await read({ follow: true, signal: AbortSignal.timeout(30) }, () => true), "a;");
});
