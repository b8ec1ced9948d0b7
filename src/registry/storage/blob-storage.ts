import type { Digest, DigestAlgorithm } from "../../spec/index.ts";

/** Bytes of a finished blob, as storage keeps them. */
export interface StoredBlob {
  /**
   * Names the bytes inside their storage, never the content: it is the id of the upload that brought them,
   * so two uploads of one blob have two keys. Removing what nobody needs therefore cannot hit bytes that
   * another server has just stored under the same digest: metadata says, in one transaction, which key a
   * digest has, and a key comes only once.
   */
  readonly key: string;
  readonly size: number;
}

/** Bytes `start` to `end`, `end` not included. */
export interface ByteRange {
  readonly start: number;
  readonly end: number;
}

/** What is found when storage is listed. */
export interface StoredFile {
  readonly key: string;
  readonly size: number;
  /** Milliseconds since 1970. */
  readonly modified: number;
}

/**
 * Where the bytes of blobs are: memory, a directory, a bucket. It knows no repositories and no digests of
 * what it holds, and whether bytes are a blob or an unfinished upload is for metadata to say. Several
 * servers may use one storage at once.
 */
export interface BlobStorage extends AsyncDisposable {
  /**
   * The bytes of a blob. A chunk may be overwritten once the next one is asked for, except the last. Undefined
   * when the key is not there. A blob removed meanwhile is either read to its end or fails, never cut short
   * in silence.
   */
  read(key: string, range: ByteRange): Promise<AsyncIterable<Uint8Array> | undefined>;
  /** Bytes of a blob, or of an upload so far; undefined when the key is not there. */
  size(key: string): Promise<number | undefined>;
  /** Removes a blob, or an upload with what it holds; nothing happens when it is not there. */
  remove(key: string): Promise<void>;
  /** All blobs and uploads, in no order: to find what metadata does not know of. */
  list(): AsyncIterable<StoredFile>;
  /**
   * Opens an upload to append to it, with what an earlier request, or another server, has stored. One
   * that is not there is new and empty: it costs nothing before its first byte. The caller holds the
   * claim of the session (`Metadata.claimUpload`), so nobody else appends meanwhile.
   *
   * @param key a UUID that was never used before, or that of an upload
   */
  openUpload(key: string, algorithm: DigestAlgorithm): Promise<BlobUpload>;
  /** Finds out, at little cost, whether blobs can be read and stored now. @throws when they cannot */
  check(): Promise<void>;
}

/**
 * An upload that one request appends to. Letting go of it without {@link BlobUpload.finish} keeps what
 * was appended, for the next request.
 */
export interface BlobUpload extends AsyncDisposable {
  /** Bytes so far: where the next chunk goes. */
  readonly size: number;
  /** Appends a chunk, which must not change afterwards. Resolves when there is room for the next one. */
  append(chunk: Uint8Array): Promise<void>;
  /** Resolves when the process's death no longer loses what was appended. */
  flush(): Promise<void>;
  /**
   * Verifies the content and makes it outlive a power cut; nothing can be appended then. The
   * algorithm of `digest` need not be the one announced: what is stored is read again for another one.
   *
   * @param verified called once the content is known to be what the digest names, while the disk is still at work
   * @throws data-loss when the content is not what the digest names; the upload stays
   * @throws unimplemented when the digest's algorithm cannot be verified
   */
  finish(digest: Digest, verified?: () => void): Promise<StoredBlob>;
}
