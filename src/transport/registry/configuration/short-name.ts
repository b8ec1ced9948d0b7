import type { Reference } from "../../../spec/index.ts";
import { CortenError, parseReference } from "../../../spec/index.ts";
import type { RegistriesConfOptions } from "./registries-conf.ts";
import { readRegistriesConf } from "./registries-conf.ts";

/**
 * What a name without a host may mean, in the order in which it is to be looked for: by registries.conf its alias, or each of the
 * registries to search; without such a file docker.io. A name with a host means itself.
 *
 * With several registries to search, whoever owns the name in one of them could have it pulled instead of what the user means.
 * So nothing is guessed unless `short-name-mode` says that it may be.
 *
 * @throws failed-precondition when the name could mean several images; invalid-argument when it is none
 */
export async function shortNameCandidates(
  text: string,
  options: RegistriesConfOptions,
): Promise<readonly Reference[]> {
  const reference = parseReference(text);
  if (hasHost(text)) return [reference];
  const conf = await readRegistriesConf(options);
  if (conf === undefined) return [reference];
  const [, name = "", suffix = ""] = /^([^:@]+)(.*)$/.exec(text) ?? [];
  const alias = conf.aliases.get(name);
  if (alias !== undefined) return [parseReference(`${alias}${suffix}`)];
  const found = conf.search.map((registry) => parseReference(`${registry}/${name}${suffix}`));
  if (found.length === 0) return [reference];
  if (found.length === 1 || conf.shortNameMode !== "enforcing") return found;
  const names = found.map(({ registry, repository }) => `${registry}/${repository}${suffix}`);
  throw new CortenError("failed-precondition", `"${text}" could mean ${names.join(" or ")}`, {
    hint: `write the name in full, or give it an alias in ${conf.files[0]}`,
  });
}

function hasHost(text: string): boolean {
  const slash = text.indexOf("/");
  const first = text.slice(0, Math.max(slash, 0));
  return /[.:]/.test(first) || first.toLowerCase() === "localhost";
}
