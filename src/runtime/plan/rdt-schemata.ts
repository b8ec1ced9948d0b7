import { CortenError, type RuntimeIntelRdt } from "../../spec/index.ts";

const AT = "/linux/intelRdt";

/** What a host's resctrl file system tells, as far as a configuration depends on it. */
export interface ResctrlFacts {
  readonly mountpoint: string;
  /** Names in its directory `info`: the resources that can be divided, such as L3 and MB, and L3_MON. */
  readonly resources: readonly string[];
  /** What info/L3_MON/mon_features lists. */
  readonly monitored: readonly string[];
  /** The file `schemata` of the container's group; absent: there is no such group. */
  readonly schemata?: string;
}

function missing(pointer: string, what: string, hint: string): never {
  throw new CortenError("failed-precondition", `config.json: ${pointer}: ${what}`, { pointer, hint });
}

/** Refuses what this machine's processor, or whoever made its groups, has not. */
export function checkResources(rdt: RuntimeIntelRdt, facts: ResctrlFacts): void {
  const { resources, monitored } = facts;
  const lacks = (setting: string, what: string): never =>
    missing(`${AT}/${setting}`, `this machine cannot ${what}`, `look into ${facts.mountpoint}/info`);
  if (isSet(rdt.l3CacheSchema) && !resources.some((name) => /^L3(?:CODE|DATA)?$/.test(name)))
    lacks("l3CacheSchema", "divide its L3 cache");
  if (isSet(rdt.memBwSchema) && !resources.includes("MB")) lacks("memBwSchema", "divide memory bandwidth");
  if (rdt.enableMonitoring === true && !resources.includes("L3_MON"))
    lacks("enableMonitoring", "monitor its L3 cache");
  if (rdt.enableCMT === true && !monitored.includes("llc_occupancy"))
    lacks("enableCMT", "monitor the use of its L3 cache");
  if (rdt.enableMBM === true && !monitored.some((name) => /^mbm_(?:total|local)_bytes$/.test(name)))
    lacks("enableMBM", "monitor memory bandwidth");
  const divides = isSet(rdt.l3CacheSchema) || isSet(rdt.memBwSchema) || (rdt.schemata ?? []).length > 0;
  if (isSet(rdt.closID) && !divides && facts.schemata === undefined) {
    const hint = "make the group first, or say what it is to have with schemata";
    missing(`${AT}/closID`, `there is no group ${rdt.closID} in ${facts.mountpoint}`, hint);
  }
}

function isSet(text: string | undefined): text is string {
  return text !== undefined && text !== "";
}

const linesOf = (text: string): string[] =>
  text
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "");

/** What is written to a group's `schemata`, one write after the other, each with the setting that causes it. */
export function schemataWrites(
  rdt: RuntimeIntelRdt,
  group: string,
  { schemata }: Pick<ResctrlFacts, "schemata">,
): ReadonlyArray<{ readonly at: string; readonly data: string }> {
  const l3 = linesOf(rdt.l3CacheSchema ?? "");
  const bandwidth = linesOf(rdt.memBwSchema ?? "");
  // Where both say something of memory bandwidth, memBwSchema counts.
  const wanted = [...l3.filter((line) => bandwidth.length === 0 || !line.startsWith("MB:")), ...bandwidth];
  const at = `${AT}/${l3.length > 0 ? "l3CacheSchema" : "memBwSchema"}`;
  const writes: { at: string; data: string }[] = [];
  // A group that is there has tasks of others in it: it must have what is wanted, and is not changed.
  if (schemata !== undefined && isSet(rdt.closID)) compare(wanted, schemata, group, at);
  else if (wanted.length > 0) writes.push({ at, data: joined(wanted) });
  // What schemata says comes last, and so counts. The kernel takes a domain once in a write.
  const lines = (rdt.schemata ?? []).flatMap(linesOf);
  if (lines.length > 0) writes.push({ at: `${AT}/schemata`, data: joined(lines) });
  return writes;
}

const joined = (lines: readonly string[]): string => `${lines.join("\n")}\n`;

function compare(wanted: readonly string[], schemata: string, group: string, at: string): void {
  const present = parse(linesOf(schemata));
  for (const [resource, domains] of parse(wanted)) {
    for (const [domain, value] of domains) {
      const found = present.get(resource)?.get(domain);
      if (found !== value) {
        const there = found === undefined ? "nothing of the kind" : found;
        missing(
          at,
          `${group} is there and has ${there} for ${resource}:${domain}, not ${value}`,
          "ask for what the group has, or name another closID",
        );
      }
    }
  }
}

/** Values by resource and domain; those of caches are bit masks in hexadecimal digits. */
function parse(lines: readonly string[]): Map<string, Map<string, string>> {
  const resources = new Map<string, Map<string, string>>();
  for (const line of lines) {
    const colon = line.indexOf(":");
    const resource = line.slice(0, colon);
    const domains = resources.get(resource) ?? new Map<string, string>();
    for (const part of line.slice(colon + 1).split(";")) {
      const [domain, value] = part.split("=").map((text) => text.trim());
      if (domain !== "" && value !== undefined)
        domains.set(domain!, value.toLowerCase().replace(/^0+(?=.)/, ""));
    }
    resources.set(resource, domains);
  }
  return resources;
}
