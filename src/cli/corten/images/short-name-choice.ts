import type { Reference } from "../../../spec/index.ts";
import { CortenError, canonicalReference } from "../../../spec/index.ts";
import type { ShortNameOptions } from "../../../transport/index.ts";
import { rememberShortName } from "../../../transport/index.ts";
import { isTerminal, write } from "../../terminal/stream.ts";

/** The user's choice of what one short name means, where there is a terminal to ask on. */
export class ShortNameChoice {
  #chosen: { readonly text: string; readonly reference: Reference } | undefined;

  /** Undefined where nobody can be asked. */
  get choose(): ShortNameOptions["choose"] {
    if (!isTerminal(0) || !isTerminal(2)) return undefined;
    return async (text, references) => {
      const { select } = await import("../../terminal/selection.ts");
      const names = references.map(canonicalReference);
      const at = await select(`"${text}" could mean several images. Please select one:`, names);
      write(2, `✔ ${names[at]}\n`);
      const reference = references[at]!;
      this.#chosen = { text, reference };
      return reference;
    };
  }

  /** Remembers the choice, once it has led to an image: a slip is not to last. */
  async remember(): Promise<void> {
    if (this.#chosen === undefined) return;
    const { text, reference } = this.#chosen;
    try {
      await rememberShortName(text, reference);
    } catch (error) {
      if (!(error instanceof CortenError)) throw error;
      write(2, `Warning: the choice will be asked for again: ${error.message}\n`);
    }
  }
}
