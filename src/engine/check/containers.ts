import { readFileSync } from "node:fs";
import { resolveImage } from "../../image/index.ts";
import { parseConfig } from "../../runtime/index.ts";
import type { Digest } from "../../spec/index.ts";
import { isCortenError } from "../../spec/index.ts";
import type { EngineContext } from "../context.ts";
import { removeContainer } from "../ending.ts";
import type { StoredContainer } from "../stored-container.ts";
import type { CheckFinding, CheckOptions } from "./finding.ts";

/** Each container that could be started again: its configuration, and what its root is made of. */
export async function* checkContainers(
  context: EngineContext,
  { repair = false, remove = false, signal }: CheckOptions,
): AsyncGenerator<CheckFinding> {
  for (const container of context.containers.table.list()) {
    signal?.throwIfAborted();
    if (!container.complete) continue;
    const problem = wrongConfig(context, container) ?? (await lackingImage(context, container.imageID));
    if (problem === undefined || context.containers.get(container.id) === undefined) continue;
    let repaired: string | undefined;
    if (repair && remove) {
      await removeContainer(context, container, { force: true });
      repaired = "removed";
    }
    yield { kind: "container", object: container.name, problem, repaired };
  }
}

function wrongConfig(context: EngineContext, { id }: StoredContainer): string | undefined {
  const { config } = context.files(id);
  try {
    parseConfig(readFileSync(config));
    return undefined;
  } catch (error) {
    return `has no valid configuration in ${config}: ${(error as Error).message}`;
  }
}

async function lackingImage(
  { snapshots, store }: EngineContext,
  imageID: Digest | null,
): Promise<string | undefined> {
  if (imageID === null || snapshots.stack(imageID) !== undefined) return undefined;
  try {
    await resolveImage(store, imageID);
    return undefined;
  } catch (error) {
    if (!isCortenError(error, "not-found")) throw error;
    return `cannot be started: its image ${imageID} is gone`;
  }
}
