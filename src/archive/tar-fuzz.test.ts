import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { isCortenError } from "../spec/index.ts";
import { NO_CONTENT } from "./erofs-content.ts";
import { LayerTree } from "./layer-tree.ts";
import { TarTokenizer } from "./tar-tokenizer.ts";
import { END, pax, rawEntry } from "./testing-tar.ts";

/** `npm run fuzz` sets a time for all properties; without it this many. */
const RUNS = fc.readConfigureGlobal().interruptAfterTimeLimit === undefined ? { numRuns: 3000 } : {};

/** Reads everything and applies it to a tree; the sum of data tells readings apart. */
function digestOf(bytes: Uint8Array, step: number): string {
  const tokens = new TarTokenizer({ entries: 1000, fileSize: 2 ** 24 });
  const tree = new LayerTree(1000);
  const seen: string[] = [];
  let fed = 0;
  for (;;) {
    const token = tokens.next();
    if (token === "more") {
      if (fed >= bytes.length) break;
      tokens.push(bytes.subarray(fed, fed + step));
      fed += step;
    } else if (token === "data") {
      assert.ok(tokens.position + tokens.data.length <= tokens.entry.size);
      seen.push(Buffer.from(tokens.data).toString("latin1"));
    } else if (token === "entry") {
      const { path, type, size } = tokens.entry;
      seen.push(`|${type}|${path}|${size}|`);
    } else {
      const { entry } = tokens;
      tree.apply(entry, tree.attributes(entry), tree.wantsContent(entry) ? NO_CONTENT : undefined);
    }
  }
  tokens.finish();
  tree.seal();
  return seen.join("");
}

function outcome(bytes: Uint8Array, step: number): string {
  try {
    return digestOf(bytes, step);
  } catch (error) {
    assert.ok(isCortenError(error), `not a CortenError: ${String(error)}`);
    return `${error.code}: ${error.message}`;
  }
}

const seed = Buffer.concat([
  rawEntry({ path: "d/", type: "5" }),
  pax([
    ["path", "long/name"],
    ["size", "700"],
    ["mtime", "1.5"],
    ["SCHILY.xattr.user.a", "b"],
  ]),
  rawEntry({ path: "x", content: Buffer.alloc(700, 65) }),
  rawEntry({ path: "l", type: "L", content: "long\0" }),
  rawEntry({ path: "h", type: "1", link: "long/name" }),
  rawEntry({
    path: "s",
    type: "S",
    content: Buffer.alloc(1024, 66),
    sparse: {
      size: 9000,
      segments: [
        [0, 512],
        [4096, 512],
        [9000, 0],
      ],
    },
  }),
  pax([
    ["GNU.sparse.major", "1"],
    ["GNU.sparse.minor", "0"],
    ["GNU.sparse.name", "sparse"],
    ["GNU.sparse.realsize", "5000"],
  ]),
  rawEntry({ path: "t", content: `${"1\n1024\n600\n".padEnd(512, "\0")}${"C".repeat(600)}` }),
  rawEntry({ path: ".wh.gone" }),
  END,
]);

test("the untouched archive reads the same in every chunk size", () => {
  const whole = outcome(seed, seed.length);
  assert.match(whole, /^\|directory\|d\/\|/);
  for (const step of [1, 100, 512, 777]) assert.equal(outcome(seed, step), whole);
});

/** Fixes the checksum of the block, so that mutations get past it. */
function resum(bytes: Buffer, block: number): void {
  const header = bytes.subarray(512 * block, 512 * block + 512);
  header.fill(0x20, 148, 156);
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148, "latin1");
}

test("A11: whatever is in the bytes, reading ends, with CortenErrors only, the same in every chunk size", () => {
  const change = fc.record({
    block: fc.integer({ min: 0, max: seed.length / 512 - 1 }),
    offset: fc.integer({ min: 0, max: 511 }),
    value: fc.integer({ min: 0, max: 255 }),
    resum: fc.boolean(),
  });
  fc.assert(
    fc.property(
      fc.array(change, { minLength: 1, maxLength: 6 }),
      fc.integer({ min: 0, max: seed.length }),
      fc.integer({ min: 1, max: 1500 }),
      (changes, cut, step) => {
        const bytes = Buffer.from(seed);
        for (const { block, offset, value, resum: fix } of changes) {
          bytes[512 * block + offset] = value;
          if (fix) resum(bytes, block);
        }
        const shown = cut % 4 === 0 ? bytes.subarray(0, cut) : bytes;
        assert.equal(outcome(shown, step), outcome(shown, seed.length));
      },
    ),
    RUNS,
  );
});
