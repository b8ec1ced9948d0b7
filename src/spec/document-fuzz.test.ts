import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { parseDocument } from "./document.ts";
import { isCortenError } from "./error.ts";
import { parseImageConfig } from "./image-config.ts";
import { MediaType } from "./media-types.ts";
import { validateDocument, validateImageConfig } from "./validate/document.ts";

/** `npm run fuzz` sets a time for all properties; without it this many. */
const RUNS = fc.readConfigureGlobal().interruptAfterTimeLimit === undefined ? { numRuns: 2000 } : {};

const HEX = "0123456789abcdef".repeat(4);
const part = (mediaType: string) => ({
  mediaType,
  digest: `sha256:${HEX}`,
  size: 7,
  annotations: { "com.example.a": "b" },
});
const SEEDS = [
  {
    schemaVersion: 2,
    mediaType: MediaType.imageManifest,
    config: part(MediaType.imageConfig),
    layers: [part(MediaType.layerGzip)],
  },
  {
    schemaVersion: 2,
    mediaType: MediaType.imageIndex,
    manifests: [{ ...part(MediaType.imageManifest), platform: { os: "linux", architecture: "arm64" } }],
  },
  {
    created: "2020-01-01T00:00:00Z",
    os: "linux",
    architecture: "amd64",
    config: { Env: ["A=1"], Labels: { a: "b" }, ExposedPorts: { "80/tcp": {} } },
    rootfs: { type: "layers", diff_ids: [`sha256:${HEX}`] },
    history: [{ empty_layer: true }, {}],
  },
].map((seed) => JSON.stringify(seed));

/** Texts that mean something to a JSON parser, put where they do not belong. */
const noise = fc.constantFrom(
  "null",
  "-1",
  '"',
  "{}",
  "[]",
  "1e999",
  "\\u0000",
  ",",
  ":",
  '"size":0,',
  '"__proto__":{},',
  "\ufeff",
  "9007199254740993",
);

const documents = fc
  .tuple(fc.constantFrom(...SEEDS), fc.array(fc.tuple(fc.nat(2000), fc.nat(12), noise), { maxLength: 4 }))
  .map(([seed, changes]) => {
    let text = seed;
    for (const [at, length, added] of changes) {
      const place = at % (text.length + 1);
      text = text.slice(0, place) + added + text.slice(place + length);
    }
    return new TextEncoder().encode(text);
  });

/** What a parser makes of a document: true for a result, false for an error of ours. */
function accepts(parse: () => unknown): boolean {
  try {
    parse();
    return true;
  } catch (error) {
    assert.ok(isCortenError(error), `not a CortenError: ${String(error)}`);
    return false;
  }
}

test("whatever a document holds, what the judge finds no error in the parser takes", () => {
  fc.assert(
    fc.property(documents, (bytes) => {
      const image = validateDocument(bytes);
      const config = validateImageConfig(bytes);
      const isSound = ({ findings, result }: typeof image | typeof config) =>
        result !== undefined && findings.every(({ severity }) => severity === "warning");
      const read = accepts(() => parseDocument(bytes));
      const readConfig = accepts(() => parseImageConfig(bytes));
      if (isSound(image)) assert.ok(read, Buffer.from(bytes).toString());
      if (isSound(config)) assert.ok(readConfig, Buffer.from(bytes).toString());
    }),
    RUNS,
  );
});
