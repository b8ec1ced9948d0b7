import { mkdtemp, rm } from "node:fs/promises";
import { join } from "node:path";
import { temporaryRoot } from "../temporary-root.ts";

/** A directory for an image on its way between two engines (0700), removed when it is let go of. */
export async function temporaryDirectory(): Promise<AsyncDisposable & { readonly path: string }> {
  const path = await mkdtemp(join(temporaryRoot(), "corten-exchange-"));
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) };
}
