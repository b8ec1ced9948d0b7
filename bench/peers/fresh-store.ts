import { mkdirSync, rmSync } from "node:fs";
import type { Contestant } from "../harness/contest.ts";
import { mustRun } from "../harness/program.ts";
import type { Daemon } from "./daemon.ts";

/** An empty directory before each run; gone, and written back to the disk, after it. */
export function freshStore(directory: string): { readonly prepare: () => void; readonly finish: () => void } {
  return {
    prepare: () => void mkdirSync(directory),
    finish() {
      rmSync(directory, { recursive: true, force: true });
      mustRun("sync");
    },
  };
}

/** A contestant whose daemon starts with an empty store before each run and is stopped after it. */
export function withFreshDaemon(
  name: string,
  directory: string,
  start: (directory: string) => Promise<Daemon & { readonly args: readonly string[] }>,
  run: (args: readonly string[]) => void | Promise<void>,
): Contestant {
  const store = freshStore(directory);
  let daemon: (Daemon & { readonly args: readonly string[] }) | undefined;
  return {
    name,
    async prepare() {
      store.prepare();
      daemon = await start(directory);
    },
    run: () => run(daemon?.args ?? []),
    async finish() {
      await daemon?.[Symbol.asyncDispose]();
      store.finish();
    },
  };
}
