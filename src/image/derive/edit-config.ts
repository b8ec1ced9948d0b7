import { CortenError, isExposedPort, isSignal } from "../../spec/index.ts";
import type { Draft, Raw } from "./draft.ts";

/** What to set in a configuration; what is not named stays. */
export interface ConfigEdits {
  /** Labels; an empty value is a value. */
  readonly labels?: Readonly<Record<string, string>>;
  /** `NAME=value`; a name that is set already gets the new value in its place. */
  readonly env?: readonly string[];
  /** An empty list takes it away. Either way the command goes, unless one is given: it was for the old one. */
  readonly entrypoint?: readonly string[];
  readonly cmd?: readonly string[];
  readonly user?: string;
  readonly workingDir?: string;
  /** `80`, `80/tcp`, `53/udp`. */
  readonly exposedPorts?: readonly string[];
  readonly volumes?: readonly string[];
  readonly stopSignal?: string;
}

/**
 * Sets parts of a draft's configuration.
 *
 * @throws invalid-argument, naming the setting
 */
export function editConfig(draft: Draft, edits: ConfigEdits): Draft {
  if (describeEdits(edits).length === 0) return draft;
  const before = (draft.config["config"] ?? {}) as Raw;
  const changed = { ...before, ...changesOf(before, edits) };
  const execution = Object.fromEntries(Object.entries(changed).filter(([, value]) => value !== undefined));
  return { ...draft, config: { ...draft.config, config: execution } };
}

/** What an edit is called in an image's history. */
export function describeEdits(edits: ConfigEdits): string[] {
  const {
    labels = {},
    env = [],
    entrypoint,
    cmd,
    user,
    workingDir,
    exposedPorts = [],
    volumes = [],
    stopSignal,
  } = edits;
  return [
    ...Object.entries(labels).map(([name, value]) => `LABEL ${name}=${value}`),
    ...env.map((entry) => `ENV ${entry}`),
    ...(entrypoint === undefined ? [] : [`ENTRYPOINT ${JSON.stringify(entrypoint)}`]),
    ...(cmd === undefined ? [] : [`CMD ${JSON.stringify(cmd)}`]),
    ...(user === undefined ? [] : [`USER ${user}`]),
    ...(workingDir === undefined ? [] : [`WORKDIR ${workingDir}`]),
    ...exposedPorts.map((port) => `EXPOSE ${port}`),
    ...volumes.map((path) => `VOLUME ${path}`),
    ...(stopSignal === undefined ? [] : [`STOPSIGNAL ${stopSignal}`]),
  ];
}

function changesOf(before: Raw, edits: ConfigEdits): Record<string, unknown> {
  const { labels, env, entrypoint, cmd, user, workingDir, exposedPorts, volumes, stopSignal } = edits;
  if (workingDir !== undefined && !workingDir.startsWith("/")) {
    throw invalid("working directory", workingDir, "it is not an absolute path");
  }
  if (stopSignal !== undefined && !isSignal(stopSignal)) {
    throw invalid("stop signal", stopSignal, "it is no signal such as SIGTERM");
  }
  return {
    ...(labels === undefined ? {} : { Labels: { ...(before["Labels"] as Raw | null), ...labels } }),
    ...(env === undefined ? {} : { Env: mergeEnv((before["Env"] ?? []) as readonly string[], env) }),
    ...(entrypoint === undefined ? {} : { Entrypoint: entrypoint.length === 0 ? undefined : entrypoint }),
    ...(cmd === undefined && entrypoint !== undefined ? { Cmd: undefined } : {}),
    ...(cmd === undefined ? {} : { Cmd: cmd.length === 0 ? undefined : cmd }),
    ...(user === undefined ? {} : { User: user }),
    ...(workingDir === undefined ? {} : { WorkingDir: workingDir }),
    ...(exposedPorts === undefined
      ? {}
      : { ExposedPorts: extend(before["ExposedPorts"], exposedPorts.map(portOf)) }),
    ...(volumes === undefined ? {} : { Volumes: extend(before["Volumes"], volumes.map(volumeOf)) }),
    ...(stopSignal === undefined ? {} : { StopSignal: stopSignal }),
  };
}

function mergeEnv(before: readonly string[], added: readonly string[]): string[] {
  const merged = [...before];
  for (const entry of added) {
    const equals = entry.indexOf("=");
    if (equals < 1) throw invalid("variable", entry, "it is not NAME=value");
    const place = merged.findIndex((other) => other.startsWith(entry.slice(0, equals + 1)));
    if (place < 0) merged.push(entry);
    else merged[place] = entry;
  }
  return merged;
}

function portOf(port: string): string {
  if (!isExposedPort(port)) throw invalid("port", port, "it is not a port such as 80/tcp");
  return port.includes("/") ? port : `${port}/tcp`;
}

function volumeOf(path: string): string {
  if (!path.startsWith("/")) throw invalid("volume", path, "it is not an absolute path");
  return path;
}

/** Sets are sorted, as Go writes them. */
function extend(before: unknown, names: readonly string[]): Record<string, object> {
  const all = [...new Set([...Object.keys((before ?? {}) as Raw), ...names])].sort();
  return Object.fromEntries(all.map((name) => [name, {}]));
}

function invalid(what: string, value: string, why: string): CortenError {
  return new CortenError(
    "invalid-argument",
    `invalid ${what} ${JSON.stringify(value.slice(0, 200))}: ${why}`,
  );
}
