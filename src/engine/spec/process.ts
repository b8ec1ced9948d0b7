import { posix } from "node:path";
import { CortenError, type ImageExecution, type RuntimeProcess } from "../../spec/index.ts";
import type { ContainerOptions, ExecOptions } from "../container-options.ts";
import type { ResolvedUser } from "../user/resolve-user.ts";
import { chooseCapabilities, everyCapability } from "./capabilities.ts";
import { DEFAULT_PATH } from "./paths.ts";

/**
 * The argument vector (image-spec, conversion.md "process.args"): Entrypoint and Cmd of the image, as the caller
 * replaces them. A new entrypoint drops the image's Cmd, which was meant for the old one.
 *
 * @throws invalid-argument when nothing is left to run
 */
export function chooseArgs(
  image: ImageExecution,
  { command, entrypoint }: Pick<ContainerOptions, "command" | "entrypoint">,
): string[] {
  const cmd = command ?? (entrypoint === undefined ? (image.Cmd ?? []) : []);
  const args = [...(entrypoint ?? image.Entrypoint ?? []), ...cmd];
  if (args.length > 0 && args[0] !== "") return args;
  throw new CortenError("invalid-argument", "there is no command to run", {
    pointer: "/process/args",
    hint: "the image has neither Entrypoint nor Cmd: name a command",
  });
}

/** Working directory: the image's, or the caller's, which may be relative to it. */
export function chooseDirectory(image: ImageExecution, wanted: string | undefined): string {
  return posix.resolve("/", image.WorkingDir ?? "", wanted ?? "");
}

export interface EnvironmentParts {
  readonly image: readonly string[];
  readonly options: readonly string[];
  readonly hostname: string;
  readonly home: string;
  readonly terminal: boolean;
}

/** The environment: defaults, then the image's, then the caller's; each name once, at the place it first had. */
export function chooseEnvironment({ image, options, hostname, home, terminal }: EnvironmentParts): string[] {
  const values = new Map<string, string>([
    ["PATH", DEFAULT_PATH],
    ["HOSTNAME", hostname],
    ...(terminal ? ([["TERM", "xterm"]] as const) : []),
  ]);
  for (const text of [...image, ...options]) {
    const [name, value] = splitVariable(text);
    values.set(name, value);
  }
  if ((values.get("HOME") ?? "") === "") values.set("HOME", home);
  return [...values].map(([name, value]) => `${name}=${value}`);
}

function splitVariable(text: string): readonly [string, string] {
  const equals = text.indexOf("=");
  const name = equals < 0 ? text : text.slice(0, equals);
  if (name === "" || text.includes("\0")) {
    throw new CortenError("invalid-argument", `"${text.slice(0, 60)}" is no environment variable`, {
      pointer: "/process/env",
      hint: "want NAME=value",
    });
  }
  return [name, equals < 0 ? "" : text.slice(equals + 1)];
}

/** The process object of a container's first process. */
export function generateProcess(
  image: ImageExecution,
  options: ContainerOptions,
  user: ResolvedUser,
  hostname: string,
): RuntimeProcess {
  const terminal = options.terminal === true;
  const { uid, gid, additionalGids } = user;
  return {
    terminal,
    ...consoleSize(options),
    user: { uid, gid, additionalGids },
    args: chooseArgs(image, options),
    env: chooseEnvironment({
      image: image.Env ?? [],
      options: options.env ?? [],
      hostname,
      home: user.home,
      terminal,
    }),
    cwd: chooseDirectory(image, options.workingDirectory),
    capabilities: capabilitySets(
      options.privileged === true ? everyCapability() : chooseCapabilities(options.capAdd, options.capDrop),
      uid,
    ),
    noNewPrivileges: options.noNewPrivileges === true,
  };
}

/** The process object of one more process in a container whose first one has `base`. */
export function generateExec(
  base: RuntimeProcess,
  options: ExecOptions,
  user: ResolvedUser | undefined,
): RuntimeProcess {
  const { consoleSize: _, ...kept } = base;
  const { command, env = [], workingDirectory, terminal = false } = options;
  if (command.length === 0 || command[0] === "") {
    throw new CortenError("invalid-argument", "exec needs a command to run");
  }
  const uid = user?.uid ?? base.user.uid;
  const names = options.privileged === true ? everyCapability() : (base.capabilities?.bounding ?? []);
  return {
    ...kept,
    terminal,
    ...consoleSize(options),
    args: command,
    env: execEnvironment(base.env ?? [], env, user, terminal),
    cwd: workingDirectory === undefined ? base.cwd : posix.resolve(base.cwd, workingDirectory),
    user:
      user === undefined ? base.user : { uid: user.uid, gid: user.gid, additionalGids: user.additionalGids },
    capabilities: capabilitySets(names, uid),
  };
}

function execEnvironment(
  base: readonly string[],
  added: readonly string[],
  user: ResolvedUser | undefined,
  terminal: boolean,
): string[] {
  const values = new Map(base.map(splitVariable));
  if (user !== undefined) values.set("HOME", user.home);
  if (terminal && !values.has("TERM")) values.set("TERM", "xterm");
  for (const text of added) values.set(...splitVariable(text));
  return [...values].map(([name, value]) => `${name}=${value}`);
}

/**
 * A user other than root has the bounding set only: capabilities that he is not given in effect he can still get by
 * executing a file that has them. Inheritable and ambient sets stay empty (CVE-2022-24769, CVE-2016-8867).
 */
function capabilitySets(names: readonly string[], uid: number): RuntimeProcess["capabilities"] & object {
  return uid === 0
    ? { bounding: names, effective: names, permitted: names }
    : { bounding: names, effective: [], permitted: [] };
}

function consoleSize({
  terminal,
  terminalSize,
}: Pick<ContainerOptions, "terminal" | "terminalSize">): Pick<RuntimeProcess, "consoleSize"> {
  if (terminal !== true || terminalSize === undefined) return {};
  return { consoleSize: { height: terminalSize.rows, width: terminalSize.columns } };
}
