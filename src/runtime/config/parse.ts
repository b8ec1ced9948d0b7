import {
  CortenError,
  type RuntimeConfig,
  type RuntimeProcess,
  type RuntimeResources,
} from "../../spec/index.ts";
import { type Check, configFault } from "./check.ts";
import { checkRules } from "./rules.ts";
import { configCheck, execProcessCheck, resourcesCheck } from "./schema.ts";
import { refuseUnsupported } from "./support.ts";

/** Bytes of the largest config.json that is read. A large seccomp profile and hundreds of mounts take 200 KiB. */
export const MAX_CONFIG_BYTES = 4 * 1024 * 1024;

/**
 * Reads a config.json of runtime-spec 1.x and checks the whole document: types, ranges, names, and the rules
 * between fields. Fields that the standard does not know are ignored; null counts as absent.
 *
 * @throws invalid-argument with the JSON pointer of the first fault
 * @throws unimplemented with the pointer of a setting that cannot be honoured
 */
export function parseConfig(bytes: Uint8Array): RuntimeConfig {
  const config = readDocument(bytes, "config.json", configCheck) as RuntimeConfig;
  refuseUnsupported(config);
  checkRules(config);
  return config;
}

/** Checks a configuration that a program built: like {@link parseConfig}, without the bytes. */
export function checkConfig(config: RuntimeConfig): RuntimeConfig {
  const copy = copyWithoutNulls(config) as RuntimeConfig;
  configCheck(copy, "");
  refuseUnsupported(copy);
  checkRules(copy);
  return copy;
}

/** Reads the process object of `exec --process FILE`, its user being 0:0 unless told; errors as of {@link parseConfig}. */
export function parseProcess(bytes: Uint8Array): RuntimeProcess {
  const process = readDocument(bytes, "process.json", execProcessCheck) as Omit<RuntimeProcess, "user"> & {
    readonly user?: Partial<RuntimeProcess["user"]>;
  };
  if ((process.args ?? []).length === 0) throw configFault("/args", "must name a program to run");
  return { ...process, user: { ...process.user, uid: process.user?.uid ?? 0, gid: process.user?.gid ?? 0 } };
}

/** Checks limits that a program built; fields that are null count as absent. */
export function checkResources(resources: RuntimeResources): RuntimeResources {
  const copy = copyWithoutNulls(resources) as RuntimeResources;
  resourcesCheck(copy, "/linux/resources");
  return copy;
}

/** Reads the limits of `update --resources FILE`; errors as of {@link parseConfig}. */
export function parseResources(bytes: Uint8Array): RuntimeResources {
  return readDocument(bytes, "the resources", resourcesCheck) as RuntimeResources;
}

function readDocument(bytes: Uint8Array, what: string, check: Check): unknown {
  if (bytes.length > MAX_CONFIG_BYTES) {
    throw new CortenError(
      "invalid-argument",
      `${what} has ${bytes.length} bytes, more than ${MAX_CONFIG_BYTES}`,
    );
  }
  const buffer = Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  const text = buffer.toString();
  // What is not UTF-8 was replaced by U+FFFD: a path would silently become another.
  if (text.includes("\ufffd") && !Buffer.from(text).equals(bytes)) {
    throw new CortenError("invalid-argument", `${what} is not UTF-8`);
  }
  let value: unknown;
  try {
    value = JSON.parse(keepDigits(text));
  } catch (cause) {
    throw new CortenError("invalid-argument", `${what} is not JSON: ${(cause as Error).message}`, { cause });
  }
  const document = withoutNulls(value);
  check(document, "");
  return document;
}

/**
 * Puts numbers above 2^53 that seccomp rules compare arguments with into quotes: parsed as numbers they would lose
 * digits. Within a string of the document the quotes around the name would be escaped, so none is changed.
 */
function keepDigits(text: string): string {
  if (!text.includes('"seccomp"')) return text;
  return text.replaceAll(/"(value|valueTwo)"(\s*:\s*)(\d{16,20})(?=[\s,}])/g, (all, name, colon, digits) =>
    Number.isSafeInteger(Number(digits)) ? all : `"${name}"${colon}"${digits}"`,
  );
}

/** Deepest nesting that is read: the standard's own documents have nine levels. */
const MAX_DEPTH = 64;

/** Removes fields that are null, in place: Go programs write null for what is not set. */
function withoutNulls(value: unknown, depth = 0): unknown {
  if (typeof value !== "object" || value === null) return value;
  checkDepth(depth);
  const fields = value as Record<string, unknown>;
  const isArray = Array.isArray(value);
  for (const name in fields) {
    const field = fields[name];
    if (typeof field !== "object") continue;
    if (field !== null) withoutNulls(field, depth + 1);
    else if (!isArray) delete fields[name];
  }
  return value;
}

/** A copy of a document without the fields that are null. structuredClone would take ten times as long. */
function copyWithoutNulls(value: unknown, depth = 0): unknown {
  if (typeof value !== "object" || value === null) return value;
  checkDepth(depth);
  if (Array.isArray(value)) return value.map((element) => copyWithoutNulls(element, depth + 1));
  const fields = value as Readonly<Record<string, unknown>>;
  const copy: Record<string, unknown> = {};
  for (const name of Object.keys(fields)) {
    const field = copyWithoutNulls(fields[name], depth + 1);
    if (field === null) continue;
    // An assignment to this name would set the prototype.
    if (name === "__proto__") Object.defineProperty(copy, name, { value: field, enumerable: true });
    else copy[name] = field;
  }
  return copy;
}

function checkDepth(depth: number): void {
  if (depth > MAX_DEPTH) {
    throw new CortenError("invalid-argument", `config.json is nested deeper than ${MAX_DEPTH} levels`);
  }
}
