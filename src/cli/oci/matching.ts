import type { Runtime } from "../../runtime/index.ts";
import { CortenError } from "../../spec/index.ts";

/**
 * IDs of the containers that a call means: the one it names, or with `--regex` all that the expression matches
 * anywhere in their ID, in order.
 *
 * @throws invalid-argument for what is no regular expression
 */
export function matchingIds(runtime: Runtime, id: string, regex: boolean): string[] {
  if (!regex) return [id];
  let expression: RegExp;
  try {
    expression = new RegExp(id);
  } catch (cause) {
    throw new CortenError("invalid-argument", `--regex: ${(cause as Error).message}`, { cause });
  }
  return runtime
    .list()
    .map((container) => container.id)
    .filter((candidate) => expression.test(candidate));
}

/** Does the same to each; of those that fail, the first one's error is thrown once all have had their turn. */
export async function forEach(ids: readonly string[], act: (id: string) => Promise<void>): Promise<void> {
  const errors: unknown[] = [];
  for (const id of ids) {
    try {
      await act(id);
    } catch (error) {
      errors.push(error);
    }
  }
  if (errors.length > 0) throw errors[0];
}
