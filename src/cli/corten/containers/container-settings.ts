import type { ContainerOptions } from "../../../engine/index.ts";
import { CortenError } from "../../../spec/index.ts";
import { bytes } from "../../command/bytes.ts";
import type { Values } from "../../command/option.ts";
import type { createOptions } from "../table/container-options.ts";
import { parseDevice, parseRootDirectory, parseTmpfs, parseVolume } from "./mounts.ts";
import { processSettings } from "./process-settings.ts";
import { securitySettings } from "./security-settings.ts";

/**
 * The options and arguments of `run` and `create` as the engine takes them. The image is fetched by the caller,
 * who shows progress, and never by the engine.
 */
export function containerSettings(
  options: Values<typeof createOptions>,
  args: readonly string[],
): ContainerOptions {
  return {
    ...processSettings(options),
    ...subject(options, args),
    ...limits(options),
    ...present("name", options.name),
    ...present("hostname", options.hostname),
    ...present("stopSignal", options["stop-signal"]),
    ...present("stopTimeout", options["stop-timeout"]),
    ...(options.entrypoint === undefined
      ? {}
      : { entrypoint: options.entrypoint === "" ? [] : [options.entrypoint] }),
    pull: "never",
    autoRemove: options.rm,
    readOnly: options["read-only"],
    network: options.network,
    volumes: options.volume.map(parseVolume),
    tmpfs: options.tmpfs.map(parseTmpfs),
    devices: options.device.map(parseDevice),
    capAdd: options["cap-add"].flatMap((names) => names.split(",")),
    capDrop: options["cap-drop"].flatMap((names) => names.split(",")),
    ...securitySettings(options["security-opt"]),
    labels: parseLabels(options.label),
  };
}

/** What is run: with --rootfs every argument belongs to the command, else the first one is the image. */
function subject(options: Values<typeof createOptions>, args: readonly string[]): Partial<ContainerOptions> {
  if (options.rootfs !== undefined) return { rootfs: parseRootDirectory(options.rootfs), ...command(args) };
  const [image, ...rest] = args;
  if (image === undefined || image === "") {
    throw new CortenError("invalid-argument", "no image is named", {
      hint: "name an image, or a directory with --rootfs",
    });
  }
  return { image, ...command(rest) };
}

function command(words: readonly string[]): Partial<ContainerOptions> {
  return words.length === 0 ? {} : { command: words };
}

function limits(options: Values<typeof createOptions>): Partial<ContainerOptions> {
  return {
    ...(options.memory === undefined ? {} : { memory: bytes("--memory", options.memory) }),
    ...(options.cpus === undefined ? {} : { cpus: positive("--cpus", options.cpus) }),
    ...present("pidsLimit", options["pids-limit"]),
  };
}

function positive(option: string, text: string): number {
  const value = /^\d+(?:\.\d+)?$/.test(text) ? Number(text) : Number.NaN;
  if (!(value > 0))
    throw new CortenError("invalid-argument", `invalid value "${text}" for ${option}: a number above 0`);
  return value;
}

function parseLabels(list: readonly string[]): Record<string, string> {
  const labels: [string, string][] = list.map((text) => {
    const equals = text.indexOf("=");
    const name = equals < 0 ? text : text.slice(0, equals);
    if (name === "") throw new CortenError("invalid-argument", `the label "${text}" has no name`);
    return [name, equals < 0 ? "" : text.slice(equals + 1)];
  });
  return Object.fromEntries(labels);
}

function present<N extends string, T>(name: N, value: T | undefined): { [K in N]?: T } {
  return value === undefined ? {} : ({ [name]: value } as { [K in N]: T });
}
