import { completeLine } from "../../command/complete.ts";
import type { Completion } from "../../command/option.ts";
import { program as oci } from "../../oci/program.ts";
import { print } from "../../terminal/stream.ts";
import { printable } from "../../terminal/style.ts";
import { program } from "../program.ts";
import { openSession } from "../session.ts";
import type { CortenCall } from "../table/globals.ts";

/** What the completion scripts call: prints the candidates for the last word, one a line. */
export async function run(call: CortenCall): Promise<number> {
  const line = call.args;
  const { words, kind, prefix } =
    line[0] === "oci" && line.length > 1 ? completeLine(oci, line.slice(1)) : completeLine(program, line);
  const current = (line.at(-1) ?? "").slice(prefix.length);
  for (const { word, summary } of words) {
    if (word.startsWith(current)) print(`${prefix}${word}\t${summary}`);
  }
  if (kind === "file" || kind === "directory") print(`:${kind}`);
  else if (kind !== undefined) {
    for (const { word, summary } of await namesOf(kind, call)) {
      if (word.startsWith(current)) print(`${prefix}${word}\t${printable(summary)}`);
    }
  }
  return 0;
}

interface Candidate {
  readonly word: string;
  readonly summary: string;
}

/** Names that this machine knows. Whatever fails gives none: nobody wants an error while typing. */
async function namesOf(kind: Completion, call: CortenCall): Promise<readonly Candidate[]> {
  try {
    if (kind === "image") {
      const { listImageNames } = await import("../images/names.ts");
      return (await listImageNames(call)).map((word) => ({ word, summary: "image" }));
    }
    if (kind === "runtime-container") {
      const { Runtime } = await import("../../../runtime/index.ts");
      return new Runtime().list().map(({ id, status }) => ({ word: id, summary: status }));
    }
    await using engine = openSession(call);
    const containers = await engine.list({ all: kind === "container" });
    return containers.map(({ name, image, status }) => ({ word: name, summary: `${image}, ${status}` }));
  } catch {
    return []; // see above
  }
}
