import type { JsonView } from "../../spec/index.ts";
import { type Glob, matchesOne } from "./glob.ts";
import { patterns } from "./settings.ts";

/** Groups that the configuration itself defines: lists of names, or patterns of names such as `spiffe://a/ns/*`. */
export class LocalGroups {
  readonly #groups: ReadonlyArray<readonly [group: string, members: readonly Glob[]]>;

  constructor(view: JsonView) {
    this.#groups = view.absent ? [] : Object.entries(view.map(patterns));
  }

  of(name: string): readonly string[] {
    return this.#groups.flatMap(([group, members]) => (matchesOne(members, name) ? [group] : []));
  }
}
