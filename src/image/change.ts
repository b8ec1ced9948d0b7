import type { ImageExecution } from "../spec/index.ts";
import { CortenError } from "../spec/index.ts";

type Execution = { -readonly [K in keyof ImageExecution]: ImageExecution[K] };
type Apply = (execution: Execution, rest: string, change: string) => void;

/** The Dockerfile instructions that say how an image runs, as `docker import --change` takes them. */
const INSTRUCTIONS: Readonly<Record<string, Apply>> = {
  CMD: (execution, rest, change) => {
    execution.Cmd = command(rest, change);
  },
  ENTRYPOINT: (execution, rest, change) => {
    execution.Entrypoint = command(rest, change);
  },
  ENV: (execution, rest, change) => {
    const added = pairs(rest, change);
    const kept = (execution.Env ?? []).filter((entry) => !added.has(entry.split("=", 1)[0]!));
    execution.Env = [...kept, ...[...added].map(([name, value]) => `${name}=${value}`)];
  },
  EXPOSE: (execution, rest, change) => {
    execution.ExposedPorts = {
      ...execution.ExposedPorts,
      ...set(words(rest, change).map((port) => exposed(port, change))),
    };
  },
  LABEL: (execution, rest, change) => {
    execution.Labels = { ...execution.Labels, ...Object.fromEntries(pairs(rest, change)) };
  },
  STOPSIGNAL: (execution, rest, change) => {
    execution.StopSignal = single(rest, change);
  },
  USER: (execution, rest, change) => {
    execution.User = single(rest, change);
  },
  VOLUME: (execution, rest, change) => {
    execution.Volumes = { ...execution.Volumes, ...set(jsonArray(rest, change) ?? words(rest, change)) };
  },
  WORKDIR: (execution, rest) => {
    const base = rest.startsWith("/") ? "" : (execution.WorkingDir ?? "");
    execution.WorkingDir = `${base.replace(/\/$/, "")}/${rest.replace(/^\//, "")}`;
  },
};

/**
 * Applies Dockerfile instructions to an image's execution defaults, e.g. `CMD ["/bin/sh"]`,
 * `ENV A=1 B="two words"`, `EXPOSE 80/tcp`.
 *
 * @throws invalid-argument, naming the instruction
 */
export function applyChanges(execution: ImageExecution, changes: readonly string[]): ImageExecution {
  const changed: Execution = { ...execution };
  for (const change of changes) {
    const [, name = "", rest = ""] = /^\s*(\S+)\s*([\s\S]*?)\s*$/.exec(change) ?? [];
    const apply = Object.hasOwn(INSTRUCTIONS, name.toUpperCase())
      ? INSTRUCTIONS[name.toUpperCase()]
      : undefined;
    if (apply === undefined) {
      throw invalid(change, `the instruction is none of ${Object.keys(INSTRUCTIONS).join(", ")}`);
    }
    if (rest === "") throw invalid(change, "the instruction has no value");
    apply(changed, rest, change);
  }
  return changed;
}

/** A JSON array is the command itself; anything else is for the shell. */
function command(rest: string, change: string): readonly string[] {
  return jsonArray(rest, change) ?? ["/bin/sh", "-c", rest];
}

function jsonArray(rest: string, change: string): readonly string[] | undefined {
  if (!rest.startsWith("[")) return undefined;
  try {
    const value: unknown = JSON.parse(rest);
    if (Array.isArray(value) && value.every((item) => typeof item === "string")) return value as string[];
  } catch (cause) {
    throw invalid(change, `not a JSON array: ${(cause as Error).message}`);
  }
  throw invalid(change, "the array holds something other than strings");
}

/** `NAME=value …`, or the old form `NAME value with spaces`. */
function pairs(rest: string, change: string): Map<string, string> {
  const [first = "", ...others] = words(rest, change);
  if (!first.includes("=")) {
    const value = rest.slice(rest.search(/\s/) + 1).trim();
    if (others.length === 0 || first === "") throw invalid(change, `"${first}" has no value`);
    return new Map([[first, value]]);
  }
  return new Map(
    [first, ...others].map((word) => {
      const equals = word.indexOf("=");
      if (equals < 1) throw invalid(change, `"${word}" is not NAME=value`);
      return [word.slice(0, equals), word.slice(equals + 1)] as const;
    }),
  );
}

/** Splits at white space outside of quotes, as a shell would: quotes and backslashes go. */
function words(rest: string, change: string): string[] {
  const found: string[] = [];
  let word: string | undefined;
  let quote = "";
  for (let at = 0; at < rest.length; at++) {
    const character = rest[at]!;
    if (character === "\\" && quote !== "'") {
      at++;
      word = (word ?? "") + (rest[at] ?? "");
    } else if (quote !== "") {
      if (character === quote) quote = "";
      else word += character;
    } else if (character === '"' || character === "'") {
      quote = character;
      word ??= "";
    } else if (/\s/.test(character)) {
      if (word !== undefined) found.push(word);
      word = undefined;
    } else {
      word = (word ?? "") + character;
    }
  }
  if (quote !== "") throw invalid(change, `a quote ${quote} is not closed`);
  if (word !== undefined) found.push(word);
  return found;
}

function exposed(port: string, change: string): string {
  const [, number = "", protocol = "tcp"] = /^(\d{1,5}(?:-\d{1,5})?)(?:\/(tcp|udp|sctp))?$/.exec(port) ?? [];
  const inRange = number.split("-").every((part) => Number(part) >= 1 && Number(part) <= 65535);
  if (number === "" || !inRange) throw invalid(change, `"${port}" is not a port such as 80/tcp`);
  return `${number}/${protocol}`;
}

function single(rest: string, change: string): string {
  const [word, ...others] = words(rest, change);
  if (word === undefined || others.length > 0) throw invalid(change, "one word is expected");
  return word;
}

function set(names: readonly string[]): Record<string, object> {
  return Object.fromEntries(names.map((name) => [name, {}]));
}

function invalid(change: string, why: string): CortenError {
  return new CortenError("invalid-argument", `invalid change "${change.slice(0, 200)}": ${why}`);
}
