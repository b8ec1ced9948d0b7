import type { Reference } from "../../../spec/index.ts";
import { CortenError, parseReference } from "../../../spec/index.ts";
import type { RegistriesConfOptions } from "./registries-conf.ts";
import { readRegistriesConf } from "./registries-conf.ts";

/** What a name that a user typed may mean. */
export interface ShortName {
  /** In the order in which it is to be looked for. */
  readonly references: readonly Reference[];
  /**
   * Whether somebody has to say which one is meant, where there are several: by `short-name-mode` always, or only where there
   * is somebody to ask.
   */
  readonly choice: "none" | "if-possible" | "needed";
  /** The file with the registries to search. */
  readonly file: string | undefined;
}

/** Asks the user which of several references a name means. */
export type ChooseReference = (text: string, references: readonly Reference[]) => Promise<Reference>;

/**
 * What a name without a host may mean: by registries.conf its alias, or each of the registries to search; without such a file
 * docker.io. A name with a host means itself.
 *
 * @throws invalid-argument when it is no name
 */
export async function readShortName(text: string, options: RegistriesConfOptions): Promise<ShortName> {
  const reference = parseReference(text);
  const conf = hasHost(text) ? undefined : await readRegistriesConf(options);
  const certain = (one: Reference): ShortName => ({ references: [one], choice: "none", file: undefined });
  if (conf === undefined) return certain(reference);
  const { name, suffix } = splitShortName(text);
  const alias = conf.aliases.get(name);
  if (alias !== undefined) return certain(parseReference(`${alias}${suffix}`));
  const references = conf.search.map((registry) => parseReference(`${registry}/${name}${suffix}`));
  if (references.length < 2) return certain(references[0] ?? reference);
  const choice = ({ enforcing: "needed", permissive: "if-possible", disabled: "none" } as const)[
    conf.shortNameMode
  ];
  return { references, choice, file: conf.files[0] };
}

/**
 * The references to look for in turn. With several registries to search, whoever owns the name in one of them could have it
 * pulled instead of what the user means. So nothing is guessed unless `short-name-mode` says that it may be.
 *
 * @param choose asks the user, where there is one to ask
 * @throws failed-precondition when it could mean several images and nobody can be asked
 */
export async function shortNameCandidates(
  text: string,
  options: RegistriesConfOptions,
  choose?: ChooseReference,
): Promise<readonly Reference[]> {
  const { references, choice, file } = await readShortName(text, options);
  if (choice === "none") return references;
  if (choose !== undefined) return [await choose(text, references)];
  if (choice === "if-possible") return references;
  const names = references.map(({ registry, repository }) => `${registry}/${repository}`);
  throw new CortenError(
    "failed-precondition",
    `short-name resolution enforced but cannot prompt without a TTY: "${text}" could mean ${names.join(" or ")}`,
    { hint: `write the name in full, or give it an alias in ${file}` },
  );
}

/** Name, and tag and digest with what is in front of them. */
export function splitShortName(text: string): { readonly name: string; readonly suffix: string } {
  const [, name = "", suffix = ""] = /^([^:@]+)(.*)$/.exec(text) ?? [];
  return { name, suffix };
}

function hasHost(text: string): boolean {
  const slash = text.indexOf("/");
  const first = text.slice(0, Math.max(slash, 0));
  return /[.:]/.test(first) || first.toLowerCase() === "localhost";
}
