import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { openMemoryDatabase } from "../../../content/index.ts";
import { MediaType } from "../../../spec/index.ts";
import { digestOf } from "../../testing-registry.ts";
import { SqliteMetadata } from "./sqlite-metadata.ts";
import { registrySchema } from "./tables.ts";

const repository = fc.constantFrom("a", "b", "c");
const content = fc.constantFrom("", "x", "yy", "zzzz");
const change = fc.oneof(
  fc.record({ kind: fc.constant("add" as const), repository, content }),
  fc.record({ kind: fc.constant("mount" as const), repository, from: repository, content }),
  fc.record({ kind: fc.constant("remove" as const), repository, content }),
  fc.record({ kind: fc.constant("put" as const), repository, content }),
  fc.record({ kind: fc.constant("unput" as const), repository, content }),
  fc.record({ kind: fc.constant("damage" as const), content }),
  fc.record({ kind: fc.constant("collect" as const) }),
);

test("the sums are those of the rows, whatever happens", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(change, { maxLength: 40 }), async (changes) => {
      const database = openMemoryDatabase([registrySchema]);
      await using metadata = new SqliteMetadata(database);
      let keys = 0;
      for (const step of changes) {
        const digest = "content" in step ? digestOf(step.content) : digestOf("");
        if (step.kind === "add") {
          await metadata.addBlob(step.repository, digest, { key: `${keys++}`, size: step.content.length });
        } else if (step.kind === "mount") await metadata.mountBlob(step.repository, digest, step.from);
        else if (step.kind === "remove") await metadata.removeBlob(step.repository, digest);
        else if (step.kind === "unput") await metadata.removeManifest(step.repository, digest);
        else if (step.kind === "collect") await metadata.dropUnreferenced(Date.now() + 1000, 1);
        else if (step.kind === "damage") {
          const found = (await metadata.blobsToVerify(Date.now() + 1000, 100)).find(
            (blob) => blob.digest === digest,
          );
          if (found !== undefined) await metadata.markDamaged(digest, found.key);
        } else {
          const bytes = new TextEncoder().encode(step.content);
          const blobs = [digestOf("x")];
          const manifest = {
            digest,
            bytes,
            size: bytes.length,
            mediaType: MediaType.imageManifest,
            blobs,
            manifests: [],
          };
          await metadata.putManifest(step.repository, manifest, { tags: ["t"] });
        }
      }
      const sum = (sql: string, ...values: string[]): number =>
        database.get<{ sum: number }>(sql, ...values)!.sum;
      const total =
        sum("SELECT ifnull(sum(size), 0) AS sum FROM blobs") +
        sum("SELECT ifnull(sum(length(bytes)), 0) AS sum FROM documents");
      for (const name of ["a", "b", "c"]) {
        const own =
          sum(
            `SELECT ifnull(sum(b.size), 0) AS sum FROM repositories r JOIN members m ON m.repository = r.id
             JOIN blobs b ON b.id = m.blob WHERE r.name = ?`,
            name,
          ) +
          sum(
            `SELECT ifnull(sum(m.size), 0) AS sum FROM repositories r JOIN manifests m ON m.repository = r.id
             WHERE r.name = ?`,
            name,
          );
        assert.deepEqual(await metadata.usage(name), { repository: own, total });
      }
    }),
  );
});
