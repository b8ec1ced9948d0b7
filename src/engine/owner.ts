import { readFileSync } from "node:fs";
import { formatIdentity, isAlive, parseIdentity, selfIdentity } from "../host/index.ts";

let boot: string | undefined;

function bootId(): string {
  boot ??= readFileSync("/proc/sys/kernel/random/boot_id", "latin1").trim();
  return boot;
}

/** This process, in a form that says nothing about a process of another boot. It stays the same across execve. */
export function selfOwner(): string {
  return `${bootId()} ${formatIdentity(selfIdentity())}`;
}

/** True while the process that wrote {@link selfOwner} runs, or what it became. */
export function isOwnerAlive(owner: string): boolean {
  const blank = owner.indexOf(" ");
  const identity = parseIdentity(owner.slice(blank + 1));
  return owner.slice(0, blank) === bootId() && identity !== undefined && isAlive(identity);
}
