import type { Pruned, PruneOptions } from "../../../engine/index.ts";
import { familiarReference, parseReference } from "../../../spec/index.ts";
import { isTerminal, print, write } from "../../terminal/stream.ts";
import { formatSize } from "../../terminal/units.ts";
import { openSession } from "../session.ts";
import type { CortenCall } from "../table/globals.ts";

/** What the prune commands have in common. */
interface Request {
  readonly call: Pick<CortenCall, "globals">;
  readonly options: Omit<PruneOptions, "rehearse">;
  readonly force: boolean;
  readonly dryRun: boolean;
  /** What will be removed, as the question says it. */
  readonly warning: readonly string[];
}

/** Asks, prunes, and prints what went. Returns the exit code: 1 when the answer was no. */
export async function pruneAndPrint({ call, options, force, dryRun, warning }: Request): Promise<number> {
  if (!force && !dryRun && !(await confirm(warning))) return 1;
  await using engine = openSession(call);
  const pruned = await engine.prune({ ...options, rehearse: dryRun });
  printPruned(pruned, dryRun);
  return 0;
}

/** Docker's layout. */
function printPruned({ containers, untagged, images, volumes, bytes }: Pruned, dryRun: boolean): void {
  const section = (title: string, lines: readonly string[]) => {
    if (lines.length === 0) return;
    print(dryRun ? `Would delete ${title.toLowerCase()}:` : `Deleted ${title}:`);
    for (const line of lines) print(line);
    print("");
  };
  section(
    "Containers",
    containers.map(({ id }) => id),
  );
  section("Volumes", volumes);
  section("Images", [
    ...untagged.map((name) => `untagged: ${familiarReference(parseReference(name))}`),
    ...images.map((id) => `deleted: ${id}`),
  ]);
  print(`${dryRun ? "Reclaimable" : "Total reclaimed"} space: ${formatSize(bytes)}`);
}

/** The question goes to stderr: stdout is for what a script reads. An answer may be piped in. */
async function confirm(warning: readonly string[]): Promise<boolean> {
  write(2, `WARNING! This will remove:\n${warning.map((line) => `  - ${line}\n`).join("")}`);
  write(2, "Are you sure you want to continue? [y/N] ");
  const { createInterface } = await import("node:readline");
  const lines = createInterface({ input: process.stdin, terminal: false });
  try {
    for await (const line of lines) return /^y(?:es)?$/i.test(line.trim());
    return false;
  } finally {
    lines.close();
    process.stdin.destroy();
    if (!isTerminal(0)) write(2, "\n");
  }
}
