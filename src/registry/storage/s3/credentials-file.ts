import { readFile, stat } from "node:fs/promises";
import { CortenError } from "../../../spec/index.ts";
import type { S3Credentials } from "./s3-options.ts";

/** A file of keys that is larger is none. */
const MAX_SIZE = 64 * 1024;

/**
 * Keys from a JSON file as Amazon's tools write it (`AccessKeyId`, `SecretAccessKey`, `SessionToken`), read again
 * whenever it has changed, so that temporary keys can be renewed under a running server.
 *
 * @throws (the function that is returned) failed-precondition when the file cannot be read or lacks a key
 */
export function credentialsFromFile(path: string): () => Promise<S3Credentials> {
  let seen = "";
  let credentials: S3Credentials | undefined;
  return async () => {
    const { mtimeMs, size, ino } = await stat(path).catch((cause: Error) => unreadable(path, cause.message));
    if (size > MAX_SIZE) return unreadable(path, `it has ${size} bytes, more than ${MAX_SIZE}`);
    const state = `${mtimeMs} ${size} ${ino}`;
    if (credentials === undefined || state !== seen) {
      credentials = parse(path, await readFile(path, "utf8"));
      seen = state;
    }
    return credentials;
  };
}

/** Keys from the variables that all clients of S3 know. */
export function credentialsFromEnvironment(
  environment: Readonly<Record<string, string | undefined>>,
): S3Credentials {
  const { AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey } = environment;
  const { AWS_SESSION_TOKEN: sessionToken } = environment;
  if (!accessKeyId || !secretAccessKey) {
    throw new CortenError("failed-precondition", "s3: there are no credentials", {
      hint: "name a file in storage.s3.credentials, or set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY",
    });
  }
  return { accessKeyId, secretAccessKey, ...(sessionToken ? { sessionToken } : {}) };
}

function parse(path: string, content: string): S3Credentials {
  let document: unknown;
  try {
    document = JSON.parse(content);
  } catch {
    return unreadable(path, "it is not JSON");
  }
  const fields = (document ?? {}) as Readonly<Record<string, unknown>>;
  const { AccessKeyId: accessKeyId, SecretAccessKey: secretAccessKey, SessionToken: sessionToken } = fields;
  if (typeof accessKeyId !== "string" || typeof secretAccessKey !== "string")
    return unreadable(path, "AccessKeyId or SecretAccessKey is missing");
  return { accessKeyId, secretAccessKey, ...(typeof sessionToken === "string" ? { sessionToken } : {}) };
}

/** Says nothing of what the file holds. */
function unreadable(path: string, why: string): never {
  throw new CortenError("failed-precondition", `s3: cannot use the credentials in ${path}: ${why}`);
}
