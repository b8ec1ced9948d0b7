import type { JsonView } from "../../spec/index.ts";
import { compileGlob, type Glob, matchesOne } from "./glob.ts";

/** Groups that the configuration itself defines: lists of names, or patterns of names such as `spiffe://a/ns/*`. */
export class LocalGroups {
  readonly #groups: ReadonlyArray<readonly [group: string, members: readonly Glob[]]>;

  constructor(view: JsonView) {
    const read = (members: JsonView): readonly Glob[] =>
      members.items().map((member) => {
        const glob = compileGlob(member.string());
        if (typeof glob === "string") throw member.fault(glob);
        return glob;
      });
    this.#groups = view.absent ? [] : Object.entries(view.map(read));
  }

  of(name: string): readonly string[] {
    return this.#groups.flatMap(([group, members]) => (matchesOne(members, name) ? [group] : []));
  }
}
