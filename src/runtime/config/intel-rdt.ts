import { type Check, configFault, flag, list, object, shown, text } from "./check.ts";

/** A group's name is one directory below the resctrl file system, where these are the kernel's own. */
const RESERVED = ["", ".", "..", "info", "mon_data", "mon_groups"];

/** The name that stands for the group of everything that is in no other. */
export const ROOT_GROUP = "/";

/** True for a name that no group can have. */
export function isReserved(name: string): boolean {
  return RESERVED.includes(name);
}

const closID: Check = (value, at) => {
  text(value, at);
  const name = value as string;
  if (name === ROOT_GROUP || name === "") return;
  if (isReserved(name) || /[/\n]/.test(name) || Buffer.byteLength(name) > 255) {
    throw configFault(at, `names no group of resctrl: ${shown(name)}`);
  }
};

/** Lines as the file `schemata` takes them: a resource, then a value for each of its domains. */
const LINE = /^[A-Za-z0-9_]+:[A-Za-z0-9_]+=[A-Za-z0-9]+(?:;[A-Za-z0-9_]+=[A-Za-z0-9]+)*;?$/;

function schema(only?: string): Check {
  return (value, at) => {
    text(value, at);
    for (const line of (value as string).split("\n").map((part) => part.trim())) {
      if (line === "") continue;
      if (!LINE.test(line) || (only !== undefined && !line.startsWith(`${only}:`))) {
        throw configFault(at, `must hold lines such as ${only ?? "L3"}:0=70;1=20, not ${shown(line)}`);
      }
    }
  };
}

/** `linux.intelRdt` (config-linux.md "IntelRdt"). */
export const intelRdtCheck: Check = object({
  closID,
  schemata: list(schema()),
  l3CacheSchema: schema(),
  memBwSchema: schema("MB"),
  enableMonitoring: flag,
  // Of 1.1 and 1.2.
  enableCMT: flag,
  enableMBM: flag,
});
