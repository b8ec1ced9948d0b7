import type { EngineContext } from "../context.ts";
import { checkContainers } from "./containers.ts";
import type { CheckFinding, CheckOptions } from "./finding.ts";
import { checkImages } from "./images.ts";

/**
 * Looks at everything that is stored, in the order in which it rests upon each other: the database, blobs, images,
 * unpacked layers, containers. Safe beside everything else that goes on; what is being brought in or removed meanwhile
 * is no finding.
 */
export async function* check(context: EngineContext, options: CheckOptions): AsyncGenerator<CheckFinding> {
  yield* checkDatabase(context);
  if (options.quick !== true) yield* checkBlobs(context, options);
  yield* checkImages(context, options);
  yield* checkContainers(context, options);
}

function* checkDatabase({ store }: EngineContext): Generator<CheckFinding> {
  const { database } = store;
  for (const row of database.all<{ readonly quick_check: string }>("PRAGMA quick_check")) {
    if (row.quick_check === "ok") continue;
    yield { kind: "database", object: database.path, problem: row.quick_check, repaired: undefined };
  }
}

async function* checkBlobs(
  { store }: EngineContext,
  { repair = false, signal }: CheckOptions,
): AsyncGenerator<CheckFinding> {
  for (const digest of (await store.usage()).blobs.keys()) {
    signal?.throwIfAborted();
    const problem = await store.examine(digest, signal);
    if (problem === undefined) continue;
    const aside = repair ? await store.quarantine(digest) : undefined;
    const repaired = aside === undefined ? undefined : `put aside as ${aside}`;
    yield { kind: "blob", object: digest, problem, repaired };
  }
}
