import { readFileSync } from "node:fs";

/** What the kernel tells about this process's user namespace (user_namespaces(7)). */
export interface UserNamespaceFacts {
  /** Every id stands for itself: the machine's own namespace, or as good as that. */
  readonly initial: boolean;
  /** False where the kernel refuses setgroups(2), also in every namespace below. */
  readonly setgroups: boolean;
}

/** Reads it: one small file in the machine's own namespace, two in others. */
export function readUserNamespace(): UserNamespaceFacts {
  const initial = /^\s*0\s+0\s+4294967295\s*$/.test(readFileSync("/proc/self/uid_map", "latin1"));
  if (initial) return { initial, setgroups: true };
  return { initial, setgroups: readFileSync("/proc/self/setgroups", "latin1").trim() !== "deny" };
}
