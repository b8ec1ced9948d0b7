import type { Engine } from "../../../engine/index.ts";
import { isTerminal, write } from "../../terminal/stream.ts";
import { styleOf } from "../../terminal/style.ts";

/** Names what an engine without rights does otherwise than one would expect: to people, not into a program's output. */
export function tellLimitations({ limitations }: Pick<Engine, "limitations">): void {
  if (!isTerminal(2)) return;
  for (const limitation of limitations) write(2, `${styleOf(2).dim(`corten: ${limitation}`)}\n`);
}
