import { createPrivateKey, createPublicKey, type KeyObject, randomBytes } from "node:crypto";
import { access, link, mkdir, open, unlink } from "node:fs/promises";
import { dirname } from "node:path";
import { calculateJwkThumbprint, exportJWK, generateKeyPair } from "jose";
import { CortenError, JsonView, parseStrictJson } from "../../spec/index.ts";
import { choice, text } from "./settings.ts";
import { WatchedFile } from "./watched-file.ts";

/** How own tokens are signed. Symmetric ones are left out: whoever can verify them can make them. */
export type SigningAlgorithm = "ES256" | "EdDSA";
export const SIGNING_ALGORITHMS: readonly SigningAlgorithm[] = ["ES256", "EdDSA"];

/** One key pair. */
export interface SigningKey {
  readonly kid: string;
  readonly algorithm: SigningAlgorithm;
  readonly privateKey: KeyObject;
  readonly publicKey: KeyObject;
}

/**
 * The keys of own tokens, in a file that only its owner can read: a JSON Web Key Set with private keys, made with a
 * random key when it is not there. There is no default key, and none in the configuration: a key that is known from
 * somewhere else makes everybody an administrator (GHSA-j7jh-fmcm-xxwv). The first key signs, all of them verify.
 * Several servers may share the file.
 */
export class SigningKeys {
  readonly #file: WatchedFile<readonly SigningKey[]>;

  private constructor(path: string) {
    this.#file = new WatchedFile({ path, what: "key file", secret: true, parse: readKeys });
  }

  static async open(path: string, algorithm: SigningAlgorithm): Promise<SigningKeys> {
    await makeFile(path, algorithm);
    const keys = new SigningKeys(path);
    await keys.#file.current();
    return keys;
  }

  /** The key that new tokens are signed with. */
  async signing(): Promise<SigningKey> {
    const [first] = await this.#file.current();
    return first!;
  }

  /** The key of that name, or undefined. */
  async named(kid: string | undefined): Promise<SigningKey | undefined> {
    return (await this.#file.current()).find((key) => key.kid === kid);
  }
}

/** Makes the file unless it is there, whole or not at all, and the same for all servers that start at once. */
async function makeFile(path: string, algorithm: SigningAlgorithm): Promise<void> {
  if (await exists(path)) return;
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  const draft = `${path}.${randomBytes(8).toString("hex")}`;
  const { privateKey } = await generateKeyPair(algorithm, { extractable: true });
  const jwk = await exportJWK(privateKey);
  const key = { ...jwk, kid: await calculateJwkThumbprint(jwk), alg: algorithm, use: "sig" };
  const file = await open(draft, "wx", 0o600);
  try {
    await file.writeFile(`${JSON.stringify({ keys: [key] }, null, 2)}\n`);
    await file.sync();
    // Unlike rename, link does not replace a file that another server made in the meantime.
    await link(draft, path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
  } finally {
    await file.close();
    await unlink(draft);
  }
}

async function exists(path: string): Promise<boolean> {
  try {
    await access(path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return false;
    throw error;
  }
}

function readKeys(bytes: Uint8Array, path: string): readonly SigningKey[] {
  const keys = new JsonView(parseStrictJson(bytes, `key file ${path}`), `key file ${path}`)
    .field("keys")
    .items();
  if (keys.length === 0) throw new CortenError("failed-precondition", `key file ${path} has no keys`);
  return keys.map((view) => {
    const algorithm = choice(view.field("alg"), SIGNING_ALGORITHMS);
    const kid = text(view.field("kid"));
    try {
      const privateKey = createPrivateKey({ key: view.object(), format: "jwk" });
      return { kid, algorithm, privateKey, publicKey: createPublicKey(privateKey) };
    } catch (cause) {
      // The error's own text may quote the key.
      throw new CortenError("failed-precondition", `key file ${path}: ${view.pointer} is not a private key`, {
        cause,
      });
    }
  });
}
