import type { Descriptor } from "../spec/index.ts";
import { CortenError } from "../spec/index.ts";
import { hasherOf, matches } from "./blobs.ts";
import type { Claim } from "./claim.ts";
import type { ContentHash } from "./content-hash.ts";
import { explainFile } from "./file-error.ts";
import type { Lease } from "./lease.ts";
import { PartialFile } from "./partial-file.ts";

/** Where an ingest writes and what it holds meanwhile. */
export interface IngestPlace {
  readonly partialPath: string;
  readonly finalPath: string;
  readonly claim: Claim;
  readonly lease: Lease;
}

/**
 * One blob on its way into the store. What an earlier, interrupted ingest wrote is still there:
 * {@link offset} says where to go on. The blob appears under its digest only in {@link commit}, after
 * its size and digest were found right.
 *
 * Let go of it with `await using`: without a commit the partial blob stays for the next attempt.
 */
export class Ingest implements AsyncDisposable {
  readonly descriptor: Descriptor;
  readonly #place: IngestPlace;
  readonly #file: PartialFile;
  readonly #hash: ContentHash;
  #hashed = 0;
  #ended = false;

  private constructor(descriptor: Descriptor, place: IngestPlace, file: PartialFile, hash: ContentHash) {
    this.descriptor = descriptor;
    this.#place = place;
    this.#file = file;
    this.#hash = hash;
  }

  /** Opens or creates the partial blob; the caller has claimed it. */
  static async open(descriptor: Descriptor, place: IngestPlace): Promise<Ingest> {
    const hash = await hasherOf(descriptor.digest);
    // Who needs the content gets it while it comes in; the blob itself is read when it is pushed, or never.
    const opened = PartialFile.open(place.partialPath, descriptor.size, { uncached: true });
    const file = await storing(descriptor, opened);
    return new Ingest(descriptor, place, file, hash);
  }

  /** Bytes that are already here: the next write goes on from there. */
  get offset(): number {
    return this.#file.size;
  }

  /**
   * The bytes that are already here, for who wants to see the whole blob. They have to be hashed again
   * in any case (a hash cannot be stored half-way), so reading them here costs nothing more. Only
   * before the first write.
   */
  async *prefix(): AsyncGenerator<Uint8Array, void, undefined> {
    for await (const chunk of this.#file.read(this.#hashed, this.offset)) {
      this.#hash.update(chunk);
      this.#hashed += chunk.length;
      yield chunk;
    }
  }

  /**
   * Appends a chunk, which must not change afterwards.
   *
   * @throws data-loss as soon as the content is longer than the descriptor says; the partial blob is
   *   then removed
   */
  async write(chunk: Uint8Array): Promise<void> {
    await this.#catchUp();
    if (this.offset + chunk.length > this.descriptor.size) {
      await this.discard();
      throw new CortenError(
        "data-loss",
        `blob ${this.descriptor.digest} is longer than the ${this.descriptor.size} bytes of its descriptor`,
      );
    }
    this.#place.claim.renew();
    this.#place.lease.renew();
    this.#hash.update(chunk);
    this.#hashed += chunk.length;
    await storing(this.descriptor, this.#file.append(chunk));
  }

  /**
   * Verifies size and digest, makes the blob durable and gives it its name.
   *
   * @throws data-loss when the content is not what the digest names; the partial blob is then removed
   * @throws unavailable when bytes are missing; what is here stays
   */
  async commit(): Promise<void> {
    await this.#catchUp();
    const { digest, size } = this.descriptor;
    if (this.offset < size) {
      throw new CortenError("unavailable", `blob ${digest} ended after ${this.offset} of ${size} bytes`);
    }
    if (!matches(this.#hash, digest)) {
      await this.discard();
      throw new CortenError(
        "data-loss",
        `the content received for blob ${digest} does not have that digest`,
        {
          hint: "the source is damaged or not to be trusted; what was received is removed",
        },
      );
    }
    await storing(this.descriptor, this.#file.publish(this.#place.finalPath));
    this.#end();
  }

  /** Removes what is here. After the ingest has ended it does nothing. */
  async discard(): Promise<void> {
    if (this.#ended) return;
    await this.#file.remove();
    this.#end();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#ended) return;
    try {
      await this.#file.flush();
    } catch {
      // Keeping the last bytes is a courtesy: what cannot be written is fetched again by the next attempt.
    } finally {
      await this.#file.close();
      this.#end();
    }
  }

  /** Hashes what is in the file and has not been hashed. */
  async #catchUp(): Promise<void> {
    if (this.#ended)
      throw new CortenError("failed-precondition", `the ingest of ${this.descriptor.digest} has ended`);
    if (this.#hashed === this.offset) return;
    for await (const _ of this.prefix()); // the iteration hashes
  }

  #end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#place.claim.release();
  }
}

async function storing<T>({ digest }: Descriptor, work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    throw explainFile(error, `cannot store blob ${digest}`);
  }
}
