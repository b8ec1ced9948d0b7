import { CortenError, type RuntimeResources } from "../../spec/index.ts";
import { numberList } from "../cgroup/knob-format.ts";
import { cpuWeight, ioWeight } from "../cgroup/limits-v2.ts";
import { pidsMax } from "../cgroup/pids-max.ts";
import type { Value, Variant } from "./marshal.ts";

/** A property of a unit. */
export type Property = readonly [name: string, value: Variant];

const INFINITY = 2n ** 64n - 1n;
const u64 = (value: number): Variant => ({
  signature: "t",
  value: value < 0 ? INFINITY : BigInt(Math.trunc(value)),
});

/**
 * Limits as properties of a unit (systemd.resource-control(5)), on cgroup v2. systemd writes them again whenever it
 * reloads, so those that it knows must be its own; all others are only in the group's files.
 */
export function limitProperties({ memory, cpu, pids, blockIO }: RuntimeResources): Property[] {
  const list: Property[] = [];
  const set = (name: string, value: Variant) => list.push([name, value]);
  const { limit = 0, reservation = 0, swap = 0 } = memory ?? {};
  if (limit !== 0) set("MemoryMax", u64(limit));
  if (reservation !== 0) set("MemoryLow", u64(reservation));
  if (swap !== 0) set("MemorySwapMax", u64(swap < 0 ? -1 : swap - Math.max(limit, 0)));
  const { shares = 0, quota = 0, period = 0, idle, cpus = "", mems = "" } = cpu ?? {};
  if (shares !== 0 && idle !== 1) set("CPUWeight", u64(cpuWeight(shares)));
  if (quota !== 0 || period !== 0) {
    if (period !== 0) set("CPUQuotaPeriodUSec", u64(period));
    set("CPUQuotaPerSecUSec", u64(quota > 0 ? quotaPerSecond(quota, period) : -1));
  }
  if (cpus !== "") set("AllowedCPUs", { signature: "ay", value: bitmask(cpus) });
  if (mems !== "") set("AllowedMemoryNodes", { signature: "ay", value: bitmask(mems) });
  if (pids?.limit !== undefined) {
    const max = pidsMax(pids.limit);
    set("TasksMax", u64(max === "max" ? -1 : max));
  }
  if ((blockIO?.weight ?? 0) !== 0) set("IOWeight", u64(ioWeight(blockIO!.weight!)));
  return list;
}

/** Microseconds in each second; systemd counts in steps of ten milliseconds, and less than asked must not come out. */
function quotaPerSecond(quota: number, period: number): number {
  return Math.ceil((quota * 1_000_000) / (period === 0 ? 100_000 : period) / 10_000) * 10_000;
}

/** A list such as `0-3,7` as bytes, the lowest numbers first. */
function bitmask(list: string): number[] {
  const bytes: number[] = [];
  for (const number of numberList(list)) {
    const index = number >> 3;
    while (bytes.length <= index) bytes.push(0);
    bytes[index] = bytes[index]! | (1 << (number & 7));
  }
  return bytes;
}

const PREFIX = "org.systemd.property.";

/** Properties that decide what the unit is: the runtime's, never an annotation's. */
const OWN = new Set([
  "PIDs",
  "Slice",
  "Delegate",
  "Description",
  "Controller",
  "DeviceAllow",
  "DevicePolicy",
]);

/**
 * The annotations `org.systemd.property.NAME`, whose values are GVariants in text form. A property whose name ends in
 * "Sec" is given in seconds and becomes the one in microseconds.
 *
 * @throws invalid-argument naming the annotation
 */
export function annotationProperties(annotations: Readonly<Record<string, string>> = {}): Property[] {
  const list: Property[] = [];
  for (const [key, text] of Object.entries(annotations)) {
    if (!key.startsWith(PREFIX)) continue;
    const name = key.slice(PREFIX.length);
    const pointer = `/annotations/${key.replaceAll("~", "~0").replaceAll("/", "~1")}`;
    const refuse = (why: string) =>
      new CortenError("invalid-argument", `config.json: ${pointer}: ${why}`, { pointer });
    if (!/^[A-Z][A-Za-z]{2,}$/.test(name)) throw refuse("is no name of a property");
    if (OWN.has(name)) throw refuse("is set by the runtime");
    const value = parseVariant(text);
    if (value === undefined)
      throw refuse(`"${text.slice(0, 60)}" is no value such as true, 'text', uint64 5 or ['a']`);
    if (!name.endsWith("Sec") || name.endsWith("USec")) list.push([name, value]);
    else list.push([name.replace(/Sec$/, "USec"), inMicroseconds(value) ?? fail(refuse("must be a number"))]);
  }
  return list;
}

function fail(error: CortenError): never {
  throw error;
}

function inMicroseconds({ value }: Variant): Variant | undefined {
  if (typeof value !== "number" && typeof value !== "bigint") return undefined;
  return { signature: "t", value: BigInt(value) * 1_000_000n };
}

const NUMBER_TYPES: Readonly<Record<string, string>> = { int32: "i", uint32: "u", int64: "x", uint64: "t" };

/** A GVariant in text form: booleans, strings, integers with or without their type, arrays of strings. */
function parseVariant(text: string): Variant | undefined {
  const trimmed = text.trim();
  if (trimmed === "true" || trimmed === "false") return { signature: "b", value: trimmed === "true" };
  const number = /^(?:(int32|uint32|int64|uint64) +)?(-?\d{1,20})$/.exec(trimmed);
  if (number !== null) {
    return { signature: NUMBER_TYPES[number[1] ?? "int32"]!, value: BigInt(number[2]!) };
  }
  const string = parseText(trimmed);
  if (string !== undefined) return { signature: "s", value: string };
  if (!trimmed.startsWith("[") || !trimmed.endsWith("]")) return undefined;
  const items: Value[] = [];
  for (const [item] of trimmed.slice(1, -1).matchAll(/'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|[^\s,]+/g)) {
    const parsed = parseText(item);
    if (parsed === undefined) return undefined;
    items.push(parsed);
  }
  return { signature: "as", value: items };
}

function parseText(text: string): string | undefined {
  const match = /^(?:'((?:[^'\\]|\\.)*)'|"((?:[^"\\]|\\.)*)")$/.exec(text);
  return match === null ? undefined : (match[1] ?? match[2]!).replace(/\\(.)/g, "$1");
}
