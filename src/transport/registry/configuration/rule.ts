import type { RegistriesConf, RegistryRule } from "./registries-conf.ts";

/**
 * The rule for a name, `host/path[:tag][@digest]`: that with the longest prefix. A prefix matches whole components:
 * `a.example/x` is the prefix of `a.example/x/y` and `a.example/x:1`, not of `a.example/xy`.
 */
export function findRule({ rules }: Pick<RegistriesConf, "rules">, name: string): RegistryRule | undefined {
  let best: RegistryRule | undefined;
  for (const rule of rules) {
    if (matchedLength(rule.prefix, name) === undefined) continue;
    if (best === undefined || rule.prefix.length > best.prefix.length) best = rule;
  }
  return best;
}

/** `name` with `location` in the place of what `rule`'s prefix matches. */
export function rewritten(rule: RegistryRule, name: string, location: string | undefined): string {
  return location === undefined ? name : `${location}${name.slice(matchedLength(rule.prefix, name) ?? 0)}`;
}

/** How much of `name` a prefix takes up: of a wildcard, the whole host. */
function matchedLength(prefix: string, name: string): number | undefined {
  const slash = name.indexOf("/");
  if (prefix.startsWith("*.")) {
    const host = name.slice(0, slash < 0 ? name.length : slash);
    return host.length >= prefix.length && host.endsWith(prefix.slice(1)) ? host.length : undefined;
  }
  if (!name.startsWith(prefix)) return undefined;
  const next = name[prefix.length];
  return next === undefined || next === "/" || next === ":" || next === "@" ? prefix.length : undefined;
}
