import { dirname } from "node:path";
import { compileRemoval, compileUnpack } from "../plan/compile-unpack.ts";
import { executeWork, type WorkOptions } from "./work.ts";

/**
 * Writes a stream (`streamHead`, `encodeStreamEntry`) below a directory through the executor, which resolves every path
 * inside of it. The directory's parent must be writable; nobody else may reach the directory meanwhile.
 *
 * @throws what the executor reports, naming the entry; what was written until then stays
 */
export function unpackStream(
  directory: string,
  stream: Iterable<Uint8Array>,
  options: WorkOptions = {},
): Promise<void> {
  return executeWork(dirname(directory), (work) => compileUnpack(directory, work), stream, options);
}

/**
 * Removes trees through the executor; those that are not there are fine. In a user namespace it reaches what belongs to
 * subordinate ids.
 *
 * @throws what the executor reports, naming the tree
 */
export function removeTrees(paths: readonly string[], options: WorkOptions = {}): Promise<void> {
  const [first] = paths;
  if (first === undefined) return Promise.resolve();
  return executeWork(dirname(first), (work) => compileRemoval(paths, work), [], options);
}
