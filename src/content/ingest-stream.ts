import { rm } from "node:fs/promises";
import { join } from "node:path";
import type { Descriptor, DigestAlgorithm } from "../spec/index.ts";
import { CortenError, parseDigest } from "../spec/index.ts";
import { Claim } from "./claim.ts";
import { openHash } from "./content-hash.ts";
import { explainFile } from "./file-error.ts";
import { PartialFile } from "./partial-file.ts";
import type { IngestOptions, Store } from "./store.ts";

let started = 0;

/** The work of `Store.putStream`: a partial blob with a made-up name, published under the digest it turned out to have. */
export async function ingestStream(
  store: Store,
  mediaType: string,
  content: AsyncIterable<Uint8Array>,
  options: IngestOptions & { readonly algorithm?: DigestAlgorithm },
): Promise<Descriptor> {
  const { lease, signal, algorithm = "sha256" } = options;
  const { randomUUID } = await import("node:crypto");
  const partial = `stream-${process.pid}-${++started}-${randomUUID()}`;
  const claim = await Claim.take(store.database, partial, () => false, signal);
  if (claim === undefined) throw new CortenError("internal", `partial blob ${partial} could not be claimed`);
  const path = join(store.directory, "ingest", partial);
  try {
    const file = await PartialFile.open(path, 0);
    try {
      const hash = await openHash(algorithm);
      for await (const chunk of content) {
        signal?.throwIfAborted();
        claim.renew();
        lease.renew();
        hash.update(chunk);
        await file.append(chunk);
      }
      const digest = parseDigest(`${algorithm}:${hash.digest("hex")}`);
      const descriptor: Descriptor = { mediaType, digest, size: file.size };
      lease.add(descriptor);
      if (!store.has(descriptor)) await file.publish(store.path(digest));
      return descriptor;
    } finally {
      await file.close();
    }
  } catch (error) {
    throw explainFile(error, `cannot store content of type ${mediaType}`);
  } finally {
    await rm(path, { force: true });
    claim.release();
  }
}
