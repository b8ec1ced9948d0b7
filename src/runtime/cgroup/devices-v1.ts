import type { RuntimeDeviceRule } from "../../spec/index.ts";
import { type CgroupPlan, groupOf } from "./layout.ts";
import { type CgroupWrite, missingController } from "./limit-write.ts";

const AT = "/linux/resources/devices";

/** What every container may use, beside what its rules say: making any node, and the devices of a usual /dev. */
export const DEFAULT_DEVICE_RULES = [
  "c *:* m",
  "b *:* m",
  "c 1:3 rwm",
  "c 1:8 rwm",
  "c 1:7 rwm",
  "c 5:0 rwm",
  "c 1:5 rwm",
  "c 1:9 rwm",
  "c 136:* rwm",
  "c 5:2 rwm",
  "c 10:200 rwm",
];

/**
 * The rules of the devices controller. Everything is denied first, also where the configuration has no rule
 * at all: rules only ever add to that (GHSA-g54h-m393-cpwq took them for a list of what to deny).
 */
export function deviceWrites(plan: CgroupPlan, rules: readonly RuntimeDeviceRule[] = []): CgroupWrite[] {
  const group = groupOf(plan, "devices");
  if (group === undefined) {
    if (rules.length === 0) return [];
    throw missingController("devices", AT);
  }
  const write = (file: "allow" | "deny", data: string, at: string): CgroupWrite => ({
    file: `${group.path}/devices.${file}`,
    data,
    at,
    ignore: 0,
  });
  const last = lastUniversal(rules);
  if (last >= 0 && rules[last]!.allow && rules.length === last + 1) {
    return [write("allow", "a", `${AT}/${last}`)];
  }
  const writes = [
    write(last >= 0 && rules[last]!.allow ? "allow" : "deny", "a", last >= 0 ? `${AT}/${last}` : AT),
  ];
  for (const [index, rule] of rules.entries()) {
    if (index <= last || rule.access === "") continue;
    const file = rule.allow ? "allow" : "deny";
    for (const entry of entriesOf(rule)) writes.push(write(file, entry, `${AT}/${index}`));
  }
  for (const entry of DEFAULT_DEVICE_RULES) writes.push(write("allow", entry, AT));
  return writes;
}

/** The last rule about every device and every access: what stands before it no longer counts. */
function lastUniversal(rules: readonly RuntimeDeviceRule[]): number {
  return rules.findLastIndex(
    ({ type = "a", major = -1, minor = -1, access = "rwm" }) =>
      type === "a" && major === -1 && minor === -1 && [..."rwm"].every((letter) => access.includes(letter)),
  );
}

/** A rule for "all" types becomes one for each: the kernel reads a bare "a" as everything, whatever follows. */
function entriesOf({ type = "a", major = -1, minor = -1, access = "rwm" }: RuntimeDeviceRule): string[] {
  const number = (value: number) => (value === -1 ? "*" : value);
  return (type === "a" ? ["c", "b"] : [type]).map(
    (letter) => `${letter} ${number(major)}:${number(minor)} ${access}`,
  );
}
