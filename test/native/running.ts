import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";

/** Prints the open descriptors of the shell; the one that listing them takes is closed again when it looks. */
export const listDescriptors =
  'cd /proc/$$/fd; s=; for f in *; do [ -e $f ] && l="$l$s$f" && s=" "; done; echo "$l"';

export const env = {
  ...process.env,
  ASAN_OPTIONS: "detect_leaks=0:exitcode=99",
  UBSAN_OPTIONS: "exitcode=99",
};

/** Starts the executor and collects its output. */
export function start(init: string, plan: string, stdio: ReadonlyArray<"pipe" | "ignore" | number> = []) {
  const child = spawn(init, [plan], { env, stdio: ["ignore", "pipe", "pipe", ...stdio.slice(3)] });
  const text = { out: "", err: "" };
  child.stdout!.setEncoding("utf8").on("data", (chunk: string) => {
    text.out += chunk;
  });
  child.stderr!.setEncoding("utf8").on("data", (chunk: string) => {
    text.err += chunk;
  });
  const closed = once(child, "close") as Promise<[number | null, NodeJS.Signals | null]>;
  return { child: child as ChildProcess, text, closed };
}

export async function until(condition: () => boolean): Promise<void> {
  for (const end = Date.now() + 5000; !condition(); await sleep(10))
    assert.ok(Date.now() < end, "not in time");
}

export function processState(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]![0]!;
  } catch (error) {
    assert.equal((error as NodeJS.ErrnoException).code, "ENOENT");
    return "gone";
  }
}
