import { CortenError } from "../../../spec/index.ts";
import type { Part } from "./multipart.ts";
import type { S3Client } from "./s3-client.ts";
import { openObject } from "./s3-objects.ts";

/**
 * What a later request, maybe in another server, needs to go on with an upload: the parts that are in the bucket,
 * and the bytes after them, which are too few for a part. It is one object: a line of JSON, then the bytes.
 */
export interface UploadState {
  /** Changes with every write, so that a hash kept in memory is known to be of just these bytes. */
  readonly version: string;
  /** Absent while everything is in {@link UploadState.tail}. */
  readonly uploadID?: string;
  readonly parts: readonly Part[];
  readonly tail: Uint8Array;
}

/** The header that tells the size of the whole upload to who only asks for that. */
const SIZE_HEADER = "x-amz-meta-upload-size";

const stateKey = (id: string) => `uploads/${id}`;

export async function writeState(client: S3Client, id: string, state: UploadState): Promise<void> {
  const { tail, ...rest } = state;
  const body = Buffer.concat([Buffer.from(`${JSON.stringify(rest)}\n`), tail]);
  const size = tail.length + sizeOfParts(state.parts);
  await client.send({ method: "PUT", key: stateKey(id), body, headers: { [SIZE_HEADER]: String(size) } });
}

/** Undefined when nothing was stored for the upload. */
export async function readState(client: S3Client, id: string): Promise<UploadState | undefined> {
  const response = await openObject(client, stateKey(id));
  if (response === undefined) return undefined;
  const chunks: Buffer[] = [];
  for await (const chunk of response as AsyncIterable<Buffer>) chunks.push(chunk);
  const bytes = Buffer.concat(chunks);
  const line = bytes.indexOf(10);
  if (line < 0) throw new CortenError("data-loss", `the state of upload ${id} in the bucket is damaged`);
  const head = JSON.parse(bytes.toString("utf8", 0, line)) as Omit<UploadState, "tail">;
  return { ...head, tail: bytes.subarray(line + 1) };
}

/** The size of an upload without its bytes; undefined when nothing was stored for it. */
export async function stateSize(client: S3Client, id: string): Promise<number | undefined> {
  const { status, headers } = await client.send({ method: "HEAD", key: stateKey(id), expected: [404] });
  return status === 404 ? undefined : Number(headers[SIZE_HEADER]);
}

export async function removeState(client: S3Client, id: string): Promise<void> {
  await client.send({ method: "DELETE", key: stateKey(id), expected: [404] });
}

export function sizeOfParts(parts: readonly Part[]): number {
  return parts.reduce((sum, { size }) => sum + size, 0);
}
