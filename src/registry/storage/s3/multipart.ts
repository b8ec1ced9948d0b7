import { CortenError } from "../../../spec/index.ts";
import type { S3Client } from "./s3-client.ts";
import { explainStatus } from "./s3-failure.ts";
import { elementsOf, escapeXml, textOf } from "./xml.ts";

/** A part that the bucket has. */
export interface Part {
  readonly number: number;
  readonly etag: string;
  readonly size: number;
}

/** A multipart upload in progress, as the bucket tells of it. */
export interface Multipart {
  readonly key: string;
  readonly uploadID: string;
  /** Milliseconds since 1970. */
  readonly begun: number;
}

/** Begins an upload in parts straight to the key that the object is to have: nothing is renamed or copied later. */
export async function beginMultipart(client: S3Client, key: string): Promise<string> {
  const { text } = await client.send({ method: "POST", key, query: { uploads: "" }, body: new Uint8Array() });
  const uploadID = textOf(text, "UploadId");
  if (uploadID === undefined)
    throw new CortenError("internal", `${key}: the bucket begins an upload without an id`);
  return uploadID;
}

export async function putPart(
  client: S3Client,
  key: string,
  uploadID: string,
  number: number,
  body: Uint8Array,
): Promise<Part> {
  const query = { partNumber: String(number), uploadId: uploadID };
  const { headers } = await client.send({ method: "PUT", key, query, body });
  return { number, etag: headers.etag ?? "", size: body.length };
}

/** All parts that have arrived, by number. */
export async function listParts(client: S3Client, key: string, uploadID: string): Promise<Part[]> {
  const parts: Part[] = [];
  for (let after = "0"; ; ) {
    const query = { uploadId: uploadID, "part-number-marker": after };
    const { text } = await client.send({ method: "GET", key, query });
    for (const part of elementsOf(text, "Part")) {
      parts.push({
        number: Number(textOf(part, "PartNumber")),
        etag: textOf(part, "ETag") ?? "",
        size: Number(textOf(part, "Size")),
      });
    }
    const next = textOf(text, "NextPartNumberMarker");
    if (textOf(text, "IsTruncated") !== "true" || next === undefined || next === after) break;
    after = next;
  }
  return parts.sort((a, b) => a.number - b.number);
}

/** Makes the parts one object. The bucket may answer 200 and tell of a failure in the body. */
export async function completeMultipart(
  client: S3Client,
  key: string,
  uploadID: string,
  parts: readonly Part[],
): Promise<void> {
  const list = parts.map(
    ({ number, etag }) => `<Part><PartNumber>${number}</PartNumber><ETag>${escapeXml(etag)}</ETag></Part>`,
  );
  const body = Buffer.from(`<CompleteMultipartUpload>${list.join("")}</CompleteMultipartUpload>`);
  const { text } = await client.send({ method: "POST", key, query: { uploadId: uploadID }, body });
  if (text.includes("<Error>")) throw explainStatus(`completing ${key}`, 500, text);
}

/** Gives up an upload and frees its parts; nothing happens when it is not there. */
export async function abortMultipart(client: S3Client, key: string, uploadID: string): Promise<void> {
  await client.send({ method: "DELETE", key, query: { uploadId: uploadID }, expected: [404] });
}

/** Uploads in progress whose key begins with `prefix`. */
export async function* listMultiparts(
  client: S3Client,
  prefix: string,
): AsyncGenerator<Multipart, void, undefined> {
  let marker: Record<string, string> = {};
  for (;;) {
    const query = { uploads: "", prefix: client.absolute(prefix), "encoding-type": "url", ...marker };
    const { text } = await client.send({ method: "GET", query });
    for (const upload of elementsOf(text, "Upload")) {
      const key = client.relative(decodeURIComponent((textOf(upload, "Key") ?? "").replaceAll("+", " ")));
      const uploadID = textOf(upload, "UploadId");
      // Some services match the prefix loosely.
      if (key?.startsWith(prefix) !== true || uploadID === undefined) continue;
      yield { key, uploadID, begun: Date.parse(textOf(upload, "Initiated") ?? "") || 0 };
    }
    const next = textOf(text, "NextKeyMarker");
    if (textOf(text, "IsTruncated") !== "true" || next === undefined) return;
    marker = {
      "key-marker": decodeURIComponent(next),
      "upload-id-marker": textOf(text, "NextUploadIdMarker") ?? "",
    };
  }
}
