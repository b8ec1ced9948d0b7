import { createHash, createHmac, randomBytes } from "node:crypto";
import { CortenError } from "../../spec/index.ts";
import type { AttemptLimiter } from "./attempt-limiter.ts";
import type { BasicCredentials } from "./basic-credentials.ts";
import { PasswordComparer } from "./password-comparer.ts";
import { type PasswordEntry, parsePasswordFile } from "./password-entries.ts";
import { RecentMap } from "./recent-map.ts";
import { RetryLater } from "./retry-later.ts";
import { WatchedFile } from "./watched-file.ts";

/** Comparisons that may wait for their turn: each takes a tenth of a second of one core at the usual cost. */
const MAX_WAITING = 64;
const MAX_REMEMBERED = 4096;
/** How long a right password is remembered, in milliseconds. */
const REMEMBERED_MS = 5 * 60_000;

/** Options of {@link PasswordFile}. */
export interface PasswordFileOptions {
  readonly path: string;
  readonly limiter: AttemptLimiter;
  /** Compares a password with a bcrypt hash; default: in threads of its own. */
  readonly compare?: (password: string, hash: string) => Promise<boolean>;
  /** Milliseconds, as `Date.now`. */
  readonly now?: () => number;
}

/**
 * Users and their passwords in an htpasswd file.
 *
 * bcrypt is slow on purpose and clients send Basic credentials with every request, so what was right is remembered
 * for minutes, under a keyed hash of name, password and stored hash. A changed, removed or disabled user has another stored hash
 * or none, so what is remembered cannot outlive the change.
 */
export class PasswordFile {
  readonly #file: WatchedFile<ReadonlyMap<string, PasswordEntry>>;
  readonly #limiter: AttemptLimiter;
  readonly #compare: (password: string, hash: string) => Promise<boolean>;
  readonly #key = randomBytes(32);
  readonly #now: () => number;
  /** When what was right is to be compared again. */
  readonly #right = new RecentMap<string, number>(MAX_REMEMBERED);
  readonly #running = new Map<string, Promise<boolean>>();

  constructor({ path, limiter, compare, now = Date.now }: PasswordFileOptions) {
    this.#file = new WatchedFile({ path, what: "password file", parse: parsePasswordFile });
    this.#limiter = limiter;
    const comparer = new PasswordComparer();
    this.#compare = compare ?? ((password, hash) => comparer.compare(password, hash));
    this.#now = now;
  }

  /** Reads the file, so that one that cannot be used is known when the server starts. */
  async load(): Promise<void> {
    await this.#file.current();
  }

  /**
   * What stands for the account's password as it is now, or undefined when the user does not exist or is disabled.
   * It tells nothing of the password: the stored hash has a salt of 128 bits.
   */
  async fingerprint(name: string): Promise<string | undefined> {
    const entry = (await this.#file.current()).get(name);
    if (entry === undefined || entry.disabled) return undefined;
    return createHash("sha256").update(`${name}:${entry.hash}`).digest("base64url").slice(0, 22);
  }

  /**
   * @throws unauthenticated, with one text whatever was wrong, or resource-exhausted after too many wrong passwords
   */
  async verify(credentials: BasicCredentials, address: string): Promise<void> {
    const { name, password } = credentials;
    const entries = await this.#file.current();
    // Nothing is awaited from here to the count of the attempt: guesses sent at once see each other.
    this.#limiter.check(name, address);
    const entry = entries.get(name);
    // Somebody unknown costs the same as somebody known: the time tells nobody which names exist.
    const hash = entry === undefined || entry.hash === "" ? decoy(entries) : entry.hash;
    const key = createHmac("sha256", this.#key).update(`${name}\0${password}\0${hash}`).digest("base64");
    const usable = entry !== undefined && !entry.disabled;
    if (usable && (this.#right.get(key) ?? 0) > this.#now()) return;
    // A client's parallel requests with one password are one comparison, and one attempt.
    let running = this.#running.get(key);
    if (running === undefined) {
      running = this.#attempt(credentials, address, hash, usable).finally(() => this.#running.delete(key));
      this.#running.set(key, running);
    }
    if (!(await running)) throw new CortenError("unauthenticated", "wrong user name or password");
    this.#right.set(key, this.#now() + REMEMBERED_MS);
  }

  async #attempt(
    { name, password }: BasicCredentials,
    address: string,
    hash: string,
    usable: boolean,
  ): Promise<boolean> {
    if (this.#running.size >= MAX_WAITING) throw new RetryLater("too many logins at once", 1);
    this.#limiter.begin(name, address);
    const right = (await this.#compare(password, hash)) && usable;
    if (right) this.#limiter.succeeded(name, address);
    return right;
  }
}

/** A hash that no password has, as costly as that of the first user. */
function decoy(entries: ReadonlyMap<string, PasswordEntry>): string {
  let cost = "10";
  for (const { hash } of entries.values()) {
    if (hash === "") continue;
    cost = hash.slice(4, 6);
    break;
  }
  return `$2b$${cost}$${".".repeat(53)}`;
}
