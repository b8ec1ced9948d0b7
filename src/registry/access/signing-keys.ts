import type { KeyObject } from "node:crypto";
import type { JWK } from "jose";
import { CortenError } from "../../spec/index.ts";
import type { TokenSettings } from "./access-settings.ts";
import {
  changeKeyFile,
  type FileKey,
  makeKey,
  makeKeyFile,
  publicPart,
  type SigningAlgorithm,
  type StoredKey,
  watchKeyFile,
} from "./key-file.ts";
import type { WatchedFile } from "./watched-file.ts";

/** What tokens are signed with. */
export interface SigningKey {
  readonly kid: string;
  readonly algorithm: SigningAlgorithm;
  readonly privateKey: KeyObject;
}

/** A key as administrators see it. Times are in seconds since 1970. */
export interface KeyDescription {
  readonly kid: string;
  readonly algorithm: SigningAlgorithm;
  readonly created: number | undefined;
  /** Until when it verifies; undefined for the key that signs, and for others that may sign. */
  readonly until: number | undefined;
  readonly signs: boolean;
}

/** Servers may differ in their clocks by this, in seconds. */
const LEEWAY = 60;

/**
 * The keys of own tokens, in a file that only its owner can read: a JSON Web Key Set with private keys, made with a
 * random key when it is not there. There is no default key, and none in the configuration: a key that is known from
 * somewhere else makes everybody an administrator (GHSA-j7jh-fmcm-xxwv). The first key signs, all of them verify.
 * Several servers may share the file.
 */
export class SigningKeys {
  readonly #file: WatchedFile<readonly FileKey[]>;

  private constructor(path: string) {
    this.#file = watchKeyFile(path);
  }

  static async open(path: string, algorithm: SigningAlgorithm): Promise<SigningKeys> {
    await makeKeyFile(path, async () => [await makeKey(algorithm, now())]);
    const keys = new SigningKeys(path);
    await keys.#file.current();
    return keys;
  }

  /** The key that new tokens are signed with. */
  async signing(): Promise<SigningKey> {
    const [first] = await this.#file.current();
    const { kid, algorithm, privateKey } = first!;
    return { kid, algorithm, privateKey: privateKey! };
  }

  /** The key of that name, or undefined when there is none, or none any more. */
  async named(kid: string | undefined): Promise<FileKey | undefined> {
    return (await this.#file.current()).find((key) => key.kid === kid && verifies(key));
  }

  /** The public parts of all keys that verify, for those who verify tokens of this registry themselves (RFC 7517). */
  async publicKeys(): Promise<readonly JWK[]> {
    return (await this.#file.current()).filter(verifies).map(publicPart);
  }
}

/** The keys of a file, the one that signs first. */
export async function listKeys(tokens: TokenSettings): Promise<readonly KeyDescription[]> {
  return (await watchKeyFile(tokens.keys).current()).map(describe);
}

/**
 * Makes a key that signs from now on. The others keep their public part, with which the tokens that they signed are
 * verified until the last of these has ended.
 */
export async function rotateKeys(tokens: TokenSettings): Promise<readonly KeyDescription[]> {
  const until = now() + Math.max(tokens.lifetime, tokens.refreshLifetime) + LEEWAY;
  const keys = await changeKeyFile(tokens.keys, async (old) => [
    await makeKey(tokens.algorithm, now()),
    ...old.filter(verifies).map((key) => (key.until === undefined ? retired(key, until) : key.jwk)),
  ]);
  return keys.map(describe);
}

/**
 * Removes keys that verify no longer.
 *
 * @param all true to remove all but the one that signs: the tokens that the others signed end now
 * @returns what was removed
 */
export async function pruneKeys(tokens: TokenSettings, all: boolean): Promise<readonly KeyDescription[]> {
  let gone: readonly FileKey[] = [];
  await changeKeyFile(tokens.keys, (keys) => {
    const stays = (key: FileKey, index: number): boolean => index === 0 || (!all && verifies(key));
    gone = keys.filter((key, index) => !stays(key, index));
    return keys.filter(stays).map(({ jwk }) => jwk);
  });
  return gone.map((key) => describe(key, -1));
}

/** @throws failed-precondition when the registry makes no tokens */
export function ownTokens(tokens: TokenSettings | undefined): TokenSettings {
  if (tokens !== undefined) return tokens;
  throw new CortenError("failed-precondition", "the registry of this configuration signs no tokens", {
    hint: "access.tokens, or passwords, make it do so",
  });
}

function retired(key: FileKey, until: number): StoredKey {
  const { created } = key;
  return { ...publicPart(key), ...(created === undefined ? {} : { created }), until };
}

function verifies({ until }: FileKey): boolean {
  return until === undefined || now() < until;
}

function describe({ kid, algorithm, created, until }: FileKey, index: number): KeyDescription {
  return { kid, algorithm, created, until, signs: index === 0 };
}

function now(): number {
  return Math.floor(Date.now() / 1000);
}
