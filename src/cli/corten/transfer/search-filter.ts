import { CortenError } from "../../../spec/index.ts";
import type { FoundRepository } from "../../../transport/index.ts";

type Fits = (found: FoundRepository) => boolean;

/**
 * Reads the conditions of `--filter`, all of which have to hold: `stars=N` (at least), `is-official` and `is-automated`, each
 * with `=true` (as without) or `=false`.
 *
 * @throws invalid-argument for others
 */
export function searchFilter(texts: readonly string[]): Fits {
  const conditions = texts.flatMap((text) => text.split(",")).map(condition);
  return (found) => conditions.every((fits) => fits(found));
}

function condition(text: string): Fits {
  const [name = "", value] = text.split("=", 2);
  switch (name) {
    case "stars": {
      if (value === undefined || !/^[0-9]{1,9}$/.test(value)) throw wrong(text, "a number of stars");
      const least = Number(value);
      return ({ stars }) => stars >= least;
    }
    case "is-official": {
      const wanted = isTrue(text, value);
      return ({ official }) => official === wanted;
    }
    case "is-automated": {
      const wanted = isTrue(text, value);
      return ({ automated }) => automated === wanted;
    }
    default:
      throw new CortenError("invalid-argument", `unknown filter "${text.slice(0, 100)}"`, {
        hint: "there are stars=N, is-official and is-automated",
      });
  }
}

function isTrue(text: string, value: string | undefined): boolean {
  if (value === undefined || value === "true") return true;
  if (value === "false") return false;
  throw wrong(text, "true or false");
}

function wrong(text: string, wanted: string): CortenError {
  return new CortenError("invalid-argument", `the filter "${text.slice(0, 100)}" does not say ${wanted}`);
}
