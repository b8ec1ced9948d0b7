import type { RuntimeDeviceRule } from "../../spec/index.ts";

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

/** One step of the devices controller of v1: a line for devices.allow or devices.deny. */
export interface DeviceStep {
  readonly file: "allow" | "deny";
  /** `a`, or `TYPE MAJOR:MINOR ACCESS`. */
  readonly entry: string;
  readonly at: string;
}

/**
 * The rules as steps. Everything is denied first, also where the configuration has no rule at all: rules only ever add
 * to that (GHSA-g54h-m393-cpwq took them for a list of what to deny).
 */
export function deviceSteps(rules: readonly RuntimeDeviceRule[] = []): DeviceStep[] {
  const last = lastUniversal(rules);
  const first = last >= 0 && rules[last]!.allow ? "allow" : "deny";
  const steps: DeviceStep[] = [{ file: first, entry: "a", at: last >= 0 ? `${AT}/${last}` : AT }];
  if (first === "allow" && rules.length === last + 1) return steps;
  for (const [index, rule] of rules.entries()) {
    if (index <= last || rule.access === "") continue;
    for (const entry of entriesOf(rule)) {
      steps.push({ file: rule.allow ? "allow" : "deny", entry, at: `${AT}/${index}` });
    }
  }
  for (const entry of DEFAULT_DEVICE_RULES) steps.push({ file: "allow", entry, at: AT });
  return steps;
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

/** Kinds of access, as bits of the kernel's (BPF_DEVCG_ACC_*). */
export const DeviceAccess = { m: 1, r: 2, w: 4 } as const;

/** A set of devices; -1 is any number. */
export interface DeviceException {
  readonly type: "b" | "c";
  readonly major: number;
  readonly minor: number;
  /** Bits of {@link DeviceAccess}. */
  readonly access: number;
}

/**
 * What steps come to, in the terms in which the kernel keeps them (security/device_cgroup.c): where all is denied an
 * exception allows what lies wholly in it; where all is allowed one denies what touches it.
 */
export interface DevicePolicy {
  readonly allow: boolean;
  readonly exceptions: readonly DeviceException[];
}

/** Carries steps out as the devices controller of v1 does. */
export function devicePolicy(steps: readonly DeviceStep[]): DevicePolicy {
  let allow = true;
  let exceptions = new Map<string, DeviceException>();
  for (const { file, entry } of steps) {
    if (entry === "a") {
      allow = file === "allow";
      exceptions = new Map();
      continue;
    }
    const wanted = parseEntry(entry);
    const key = `${wanted.type} ${wanted.major}:${wanted.minor}`;
    const present = exceptions.get(key)?.access ?? 0;
    // A step that says what holds already takes from the exceptions, the other kind adds to them.
    const access = (file === "allow") === allow ? present & ~wanted.access : present | wanted.access;
    if (access === 0) exceptions.delete(key);
    else exceptions.set(key, { ...wanted, access });
  }
  return { allow, exceptions: [...exceptions.values()] };
}

function parseEntry(entry: string): DeviceException {
  const [type = "", device = "", letters = ""] = entry.split(" ");
  const [major = -1, minor = -1] = device.split(":").map((text) => (text === "*" ? -1 : Number(text)));
  let access = 0;
  for (const letter of letters) access |= DeviceAccess[letter as keyof typeof DeviceAccess];
  return { type: type as "b" | "c", major, minor, access };
}

/**
 * The steps from one policy to another. Where the default stays, only what differs is touched, and what is newly
 * allowed comes first: at no moment is a device refused that both policies allow.
 */
export function deviceTransition(from: DevicePolicy, to: readonly DeviceStep[]): readonly DeviceStep[] {
  const target = devicePolicy(to);
  if (from.allow !== target.allow) return to;
  const line = ({ type, major, minor }: DeviceException, access: number) =>
    `${type} ${major === -1 ? "*" : major}:${minor === -1 ? "*" : minor} ${letters(access)}`;
  const [add, take] = target.allow ? (["deny", "allow"] as const) : (["allow", "deny"] as const);
  const key = (one: DeviceException) => line(one, 0);
  const accessIn = ({ exceptions }: DevicePolicy, one: DeviceException) =>
    exceptions.find((other) => key(other) === key(one))?.access ?? 0;
  const added = target.exceptions
    .map((one) => [one, one.access & ~accessIn(from, one)] as const)
    .filter(([, access]) => access !== 0)
    .map(([one, access]) => ({ file: add, entry: line(one, access), at: AT }));
  const taken = from.exceptions
    .map((one) => [one, one.access & ~accessIn(target, one)] as const)
    .filter(([, access]) => access !== 0)
    .map(([one, access]) => ({ file: take, entry: line(one, access), at: AT }));
  return target.allow ? [...taken, ...added] : [...added, ...taken];
}

function letters(access: number): string {
  return [..."rwm"].filter((letter) => access & DeviceAccess[letter as keyof typeof DeviceAccess]).join("");
}
