import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import fc from "fast-check";
import type { Descriptor, Digest } from "../spec/index.ts";
import { MediaType } from "../spec/index.ts";
import type { Lease } from "./index.ts";
import { openStore } from "./index.ts";

/**
 * The store beside a model of it: any order of ingests, cuts, names, leases, collections and new
 * openings must leave in the store what the model says: all that names and leases lead to, whole, and after a
 * collection nothing else.
 */

const directory = mkdtempSync(join(tmpdir(), "corten-model-"));
after(() => rmSync(directory, { recursive: true, force: true }));

interface Piece {
  readonly descriptor: Descriptor;
  readonly bytes: Uint8Array;
}

function piece(mediaType: string, bytes: Uint8Array): Piece {
  const digest: Digest = `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
  return { descriptor: { mediaType, digest, size: bytes.length }, bytes };
}

const json = (mediaType: string, value: object) => piece(mediaType, Buffer.from(JSON.stringify(value)));
const layers = [0, 1, 2].map((index) => piece(MediaType.layer, Buffer.alloc(50 + index, index)));

/** Four images over three layers, so that they share; the last root is an index of two of them. */
const images = [[0], [0, 1], [1, 2]].map((used, index) => {
  const config = json(MediaType.imageConfig, { index });
  const parts = used.map((layer) => layers[layer]!);
  const manifest = json(MediaType.imageManifest, {
    schemaVersion: 2,
    config: config.descriptor,
    layers: parts.map(({ descriptor }) => descriptor),
  });
  return [...parts, config, manifest];
});
const index = json(MediaType.imageIndex, {
  schemaVersion: 2,
  manifests: [images[0]!.at(-1)!.descriptor, images[2]!.at(-1)!.descriptor],
});
images.push([...new Set([...images[0]!, ...images[2]!]), index]);

const image = fc.nat({ max: images.length - 1 });
const slot = fc.nat({ max: 2 });
const step = fc.oneof(
  fc.record({ type: fc.constant("put" as const), image, slot }),
  fc.record({ type: fc.constant("name" as const), image, slot }),
  fc.record({ type: fc.constant("unname" as const), slot }),
  fc.record({ type: fc.constant("release" as const), slot }),
  fc.record({ type: fc.constant("cut" as const), layer: fc.nat({ max: 2 }), at: fc.nat({ max: 60 }), slot }),
  fc.record({ type: fc.constant("collect" as const) }),
  fc.record({ type: fc.constant("reopen" as const) }),
);

let roots = 0;

test("any order of steps leaves what names and leases lead to, and a collection nothing else", {
  timeout: 60_000,
}, async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 30 }), async (steps) => {
      const root = join(directory, `root-${roots++}`);
      let store = openStore(root);
      const leases: (Lease | undefined)[] = [];
      /** What a lease protects, and of that what was brought in under it. */
      const held = new Map<number, Set<Digest>>();
      const leased = new Map<number, Set<Digest>>();
      const named = new Map<number, number>();
      const lease = (number: number): Lease => {
        leases[number] ??= store.lease({ id: `lease-${number}` });
        if (!leased.has(number)) leased.set(number, new Set());
        if (!held.has(number)) held.set(number, new Set());
        return leases[number];
      };
      const kept = () => {
        const digests = [...leased.values()].flatMap((held) => [...held]);
        for (const number of named.values())
          digests.push(...images[number]!.map(({ descriptor }) => descriptor.digest));
        return new Set(digests);
      };
      try {
        for (const action of steps) {
          switch (action.type) {
            case "put":
              for (const { descriptor, bytes } of images[action.image]!) {
                await store.put(descriptor, bytes, { lease: lease(action.slot) });
                leased.get(action.slot)!.add(descriptor.digest);
                held.get(action.slot)!.add(descriptor.digest);
              }
              break;
            case "name": {
              const pieces = images[action.image]!;
              // The rule for names: something must hold the content already.
              if (!pieces.every(({ descriptor }) => kept().has(descriptor.digest))) break;
              store.names.set(`name-${action.slot}`, pieces.at(-1)!.descriptor);
              named.set(action.slot, action.image);
              break;
            }
            case "unname":
              assert.equal(store.names.remove(`name-${action.slot}`), named.delete(action.slot));
              break;
            case "release":
              leases[action.slot]?.release();
              leases[action.slot] = undefined;
              leased.delete(action.slot);
              held.delete(action.slot);
              break;
            case "cut": {
              const { descriptor, bytes } = layers[action.layer]!;
              const here = kept().has(descriptor.digest);
              await using ingest = await store.ingest(descriptor, { lease: lease(action.slot) });
              held.get(action.slot)!.add(descriptor.digest);
              assert.equal(ingest === undefined, store.has(descriptor));
              assert.ok(ingest === undefined || !here);
              await ingest?.write(bytes.subarray(ingest.offset, action.at));
              if (ingest?.offset === bytes.length) await ingest.commit();
              if (store.has(descriptor)) leased.get(action.slot)!.add(descriptor.digest);
              break;
            }
            case "collect": {
              await store.collect({ interrupted: true });
              const allowed = new Set([...kept(), ...[...held.values()].flatMap((digests) => [...digests])]);
              for (const file of readdirSync(join(store.directory, "blobs/sha256"))) {
                assert.ok(allowed.has(`sha256:${file}`), file);
              }
              break;
            }
            case "reopen":
              store.close();
              store = openStore(root);
              leases.forEach((held, number) => {
                if (held !== undefined) leases[number] = store.lease({ id: held.id });
              });
              break;
          }
          for (const number of named.values()) {
            for (const { descriptor, bytes } of images[number]!) {
              assert.deepEqual(await store.read(descriptor), Buffer.from(bytes));
            }
          }
          for (const digest of kept()) assert.notEqual(store.size(digest), undefined, digest);
        }
      } finally {
        store.close();
      }
    }),
    { numRuns: 40 },
  );
});
