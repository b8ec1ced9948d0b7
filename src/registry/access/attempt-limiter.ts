import { isIPv6 } from "node:net";
import { RecentMap } from "./recent-map.ts";
import { RetryLater } from "./retry-later.ts";

/** Wrong passwords that cost nothing; after them each waits twice as long as the one before, up to `longest`. */
interface Patience {
  readonly free: number;
  readonly longest: number;
}

/** One person who mistypes. */
const PAIR: Patience = { free: 10, longest: 15 * 60 };
/** One address that tries many accounts; people behind one gateway share it. */
const ADDRESS: Patience = { free: 50, longest: 15 * 60 };
/** One account that is tried from everywhere. The wait stays short, or strangers could lock somebody out. */
const ACCOUNT: Patience = { free: 100, longest: 60 };

/** Wrong passwords are forgotten this long after the last one, in seconds. */
const MEMORY = 30 * 60;
const MAX_RECORDS = 50_000;

interface Failures {
  readonly count: number;
  /** Seconds since the epoch. */
  readonly last: number;
  readonly blockedUntil: number;
}

/**
 * Slows down guessing of passwords: by account and address together, by address, and by account.
 *
 * An attempt counts as wrong from its start and is taken back when it was right: else a thousand guesses sent at
 * once would all be looked at before the first is known to be wrong. Whoever logged in from an address before is
 * not held up there by strangers who try the same account elsewhere.
 */
export class AttemptLimiter {
  readonly #failures = new RecentMap<string, Failures>(MAX_RECORDS);
  readonly #known = new RecentMap<string, true>(MAX_RECORDS);
  readonly #now: () => number;

  /** @param now seconds since the epoch */
  constructor(now: () => number = () => Date.now() / 1000) {
    this.#now = now;
  }

  /**
   * Call before a password is looked at, also where the answer would come from a cache: else a guess at a password
   * that happens to be cached would be free.
   *
   * @throws resource-exhausted with the time to wait
   */
  check(name: string, address: string): void {
    const pair = pairKey(name, address);
    let wait = Math.max(this.#wait(pair), this.#wait(addressKey(address)));
    if (this.#known.get(pair) === undefined) wait = Math.max(wait, this.#wait(accountKey(name)));
    if (wait > 0) throw new RetryLater("too many wrong passwords", wait);
  }

  /** A password is about to be compared: wrong until {@link succeeded} is called. */
  begin(name: string, address: string): void {
    this.#count(pairKey(name, address), PAIR);
    this.#count(addressKey(address), ADDRESS);
    this.#count(accountKey(name), ACCOUNT);
  }

  /** The password that {@link begin} was called for is right. */
  succeeded(name: string, address: string): void {
    const pair = pairKey(name, address);
    this.#failures.delete(pair);
    this.#known.set(pair, true);
    // The others keep what came before: an attacker with one account of their own must not clear their record.
    this.#takeBack(addressKey(address), ADDRESS);
    this.#takeBack(accountKey(name), ACCOUNT);
  }

  #wait(key: string): number {
    return (this.#current(key)?.blockedUntil ?? 0) - this.#now();
  }

  #current(key: string): Failures | undefined {
    const found = this.#failures.get(key);
    if (found === undefined || this.#now() - found.last < MEMORY) return found;
    this.#failures.delete(key);
    return undefined;
  }

  #count(key: string, patience: Patience): void {
    this.#record(key, (this.#current(key)?.count ?? 0) + 1, patience);
  }

  #takeBack(key: string, patience: Patience): void {
    const count = (this.#current(key)?.count ?? 0) - 1;
    if (count <= 0) this.#failures.delete(key);
    else this.#record(key, count, patience);
  }

  #record(key: string, count: number, { free, longest }: Patience): void {
    const last = this.#now();
    // 2^20 seconds are longer than every limit: the power stays small.
    const wait = count < free ? 0 : Math.min(longest, 2 ** Math.min(20, count - free));
    this.#failures.set(key, { count, last, blockedUntil: last + wait });
  }
}

const pairKey = (name: string, address: string): string => `pair ${network(address)} ${name}`;
const addressKey = (address: string): string => `address ${network(address)}`;
const accountKey = (name: string): string => `account ${name}`;

/** The /64 of an IPv6 address: whoever has one address has all of them. */
function network(address: string): string {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address);
  if (mapped !== null) return mapped[1]!;
  if (!isIPv6(address)) return address;
  const [head = "", tail] = address.split("%")[0]!.split("::");
  const before = head === "" ? [] : head.split(":");
  const after = tail === undefined || tail === "" ? [] : tail.split(":");
  const zeros = tail === undefined ? 0 : Math.max(0, 8 - before.length - after.length);
  const groups = [...before, ...Array.from({ length: zeros }, () => "0"), ...after];
  return groups.slice(0, 4).join(":");
}
