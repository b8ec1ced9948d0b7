import { createPrivateKey, createPublicKey, type KeyObject, randomBytes } from "node:crypto";
import { chmod, chown, link, mkdir, open, realpath, rename, stat, unlink } from "node:fs/promises";
import { dirname } from "node:path";
import { calculateJwkThumbprint, exportJWK, generateKeyPair, type JWK } from "jose";
import { CortenError, JsonView, parseStrictJson } from "../../spec/index.ts";
import { choice, optional, text } from "./settings.ts";
import { WatchedFile } from "./watched-file.ts";

/** How own tokens are signed. Symmetric ones are left out: whoever can verify them can make them. */
export type SigningAlgorithm = "ES256" | "EdDSA";
export const SIGNING_ALGORITHMS: readonly SigningAlgorithm[] = ["ES256", "EdDSA"];

/** A key as it stands in a file, with two times of our own. */
export interface StoredKey extends JWK {
  readonly created?: number;
  readonly until?: number;
}

/** A key of a key file. */
export interface FileKey {
  readonly kid: string;
  readonly algorithm: SigningAlgorithm;
  /** Seconds since 1970; undefined in files of earlier versions. */
  readonly created: number | undefined;
  /** Seconds since 1970 until which it verifies; undefined while it may sign. */
  readonly until: number | undefined;
  /** Absent once it only verifies. */
  readonly privateKey: KeyObject | undefined;
  readonly publicKey: KeyObject;
  /** As it stands in the file. */
  readonly jwk: StoredKey;
}

/** How a key file is changed: by what is there now. */
export type KeyChange = (keys: readonly FileKey[]) => Promise<readonly StoredKey[]> | readonly StoredKey[];

/** Whoever changes a key file needs milliseconds. What is older was left by a process that was killed. */
const LOCK_AGE_MS = 60_000;

/** The keys of a file that only its owner can read: a JSON Web Key Set. Each use looks whether it was changed. */
export function watchKeyFile(path: string): WatchedFile<readonly FileKey[]> {
  return new WatchedFile({ path, what: "key file", secret: true, parse: readKeys });
}

/** Makes a random key. */
export async function makeKey(algorithm: SigningAlgorithm, now: number): Promise<StoredKey> {
  const { privateKey } = await generateKeyPair(algorithm, { extractable: true });
  const jwk = await exportJWK(privateKey);
  return { ...jwk, kid: await calculateJwkThumbprint(jwk), alg: algorithm, use: "sig", created: now };
}

/** The part of a key that everybody may know. */
export function publicPart({ publicKey, kid, algorithm }: FileKey): JWK {
  return { ...publicKey.export({ format: "jwk" }), kid, alg: algorithm, use: "sig" };
}

/** Makes the file unless it is there, whole or not at all, and the same for all servers that start at once. */
export async function makeKeyFile(path: string, keys: () => Promise<readonly StoredKey[]>): Promise<void> {
  if ((await statOf(path)) !== undefined) return;
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  const draft = await writeDraft(path, await keys());
  try {
    // Unlike rename, link does not replace a file that another server made in the meantime.
    await link(draft, path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
  } finally {
    await unlink(draft);
  }
}

/**
 * Changes a key file while servers use it: they see the old one or the new one. It keeps its owner, so that an administrator's
 * change does not lock out the server.
 *
 * @throws unavailable when another process is changing it, failed-precondition when it cannot be used
 */
export async function changeKeyFile(path: string, change: KeyChange): Promise<readonly FileKey[]> {
  await watchKeyFile(path).current(); // says what is wrong with it, before anything is made
  const target = await realpath(path);
  await using _lock = await lock(target);
  const owner = await stat(target);
  const draft = await writeDraft(target, await change(await watchKeyFile(target).current()));
  try {
    const mine = await stat(draft);
    if (mine.uid !== owner.uid || mine.gid !== owner.gid) await chown(draft, owner.uid, owner.gid);
    await chmod(draft, owner.mode & 0o700);
    await rename(draft, target);
  } catch (cause) {
    await unlink(draft);
    const { code = "unknown" } = cause as NodeJS.ErrnoException;
    throw new CortenError("failed-precondition", `cannot replace the key file ${path}: ${code}`, {
      cause,
      hint: "do this as the user that owns it, or as root",
    });
  }
  await syncDirectory(dirname(target));
  return watchKeyFile(path).current();
}

/** A file beside it that only one process can make. */
async function lock(path: string): Promise<AsyncDisposable> {
  const name = `${path}.lock`;
  const left = await statOf(name);
  if (left !== undefined && Date.now() - left.mtimeMs > LOCK_AGE_MS) await unlink(name);
  try {
    await (await open(name, "wx", 0o600)).close();
  } catch (cause) {
    const { code = "unknown" } = cause as NodeJS.ErrnoException;
    if (code === "EEXIST")
      throw new CortenError("unavailable", `another process is changing ${path}`, { cause });
    throw new CortenError("failed-precondition", `cannot write beside the key file ${path}: ${code}`, {
      cause,
    });
  }
  return { [Symbol.asyncDispose]: () => unlink(name) };
}

async function writeDraft(path: string, keys: readonly StoredKey[]): Promise<string> {
  const draft = `${path}.${randomBytes(8).toString("hex")}`;
  await using file = await open(draft, "wx", 0o600);
  await file.writeFile(`${JSON.stringify({ keys }, null, 2)}\n`);
  await file.sync();
  return draft;
}

async function syncDirectory(path: string): Promise<void> {
  await using directory = await open(path);
  await directory.sync();
}

async function statOf(path: string) {
  try {
    return await stat(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

function readKeys(bytes: Uint8Array, path: string): readonly FileKey[] {
  const keys = new JsonView(parseStrictJson(bytes, `key file ${path}`), `key file ${path}`)
    .field("keys")
    .items()
    .map((view) => readKey(view, path));
  if (keys[0]?.privateKey === undefined || keys[0].until !== undefined)
    throw new CortenError("failed-precondition", `key file ${path} has no key to sign with at its beginning`);
  return keys;
}

function readKey(view: JsonView, path: string): FileKey {
  const algorithm = choice(view.field("alg"), SIGNING_ALGORITHMS);
  const kid = text(view.field("kid"));
  const created = optional(view.field("created"), (field) => field.size());
  const until = optional(view.field("until"), (field) => field.size());
  const jwk = view.object() as StoredKey;
  try {
    const privateKey = jwk.d === undefined ? undefined : createPrivateKey({ key: jwk, format: "jwk" });
    const publicKey = createPublicKey(privateKey ?? { key: jwk, format: "jwk" });
    return { kid, algorithm, created, until, privateKey, publicKey, jwk };
  } catch (cause) {
    // The error's own text may quote the key.
    throw new CortenError("failed-precondition", `key file ${path}: ${view.pointer} is not a key`, { cause });
  }
}
