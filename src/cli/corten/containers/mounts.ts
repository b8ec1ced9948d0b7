import { resolve } from "node:path";
import type { DeviceOptions, RootDirectory, TmpfsOptions, VolumeOptions } from "../../../engine/index.ts";
import { CortenError } from "../../../spec/index.ts";

/** `[SOURCE:]DIR[:OPTIONS]`: a path (from / or .) or a volume's name, and where it appears. */
export function parseVolume(text: string): VolumeOptions {
  const [first = "", second, third, ...rest] = text.split(":");
  if (rest.length > 0) throw invalid("--volume", text, "too many colons");
  if (second === undefined) return { destination: absolute("--volume", text, first), readOnly: false };
  const source = first.startsWith("/") || first.startsWith(".") ? resolve(first) : first;
  if (source === "") throw invalid("--volume", text, "the source is empty");
  return { source, destination: absolute("--volume", text, second), readOnly: isReadOnly(text, third) };
}

function isReadOnly(text: string, options: string | undefined): boolean {
  let readOnly = false;
  for (const option of options?.split(",") ?? []) {
    if (option === "ro") readOnly = true;
    else if (option === "rw") readOnly = false;
    else throw invalid("--volume", text, `the option "${option}" is neither ro nor rw`);
  }
  return readOnly;
}

/** `DIR[:OPTIONS]` */
export function parseTmpfs(text: string): TmpfsOptions {
  const colon = text.indexOf(":");
  const destination = absolute("--tmpfs", text, colon < 0 ? text : text.slice(0, colon));
  const options =
    colon < 0
      ? []
      : text
          .slice(colon + 1)
          .split(",")
          .filter((option) => option !== "");
  return { destination, options };
}

/** `PATH[:PATH][:rwm]` */
export function parseDevice(text: string): DeviceOptions {
  const [source = "", second, third, ...rest] = text.split(":");
  if (rest.length > 0) throw invalid("--device", text, "too many colons");
  absolute("--device", text, source);
  const accessOnly = second !== undefined && third === undefined && isAccess(second);
  const destination = second === undefined || accessOnly ? source : absolute("--device", text, second);
  const access = accessOnly ? second : (third ?? "rwm");
  if (!isAccess(access)) throw invalid("--device", text, `"${access}" is not made of r, w and m`);
  return { source, destination, access };
}

/** `DIR` or `DIR:O` */
export function parseRootDirectory(text: string): RootDirectory {
  const overlay = text.endsWith(":O");
  const path = overlay ? text.slice(0, -2) : text;
  if (path === "") throw invalid("--rootfs", text, "the directory is empty");
  return { path: resolve(path), overlay };
}

function isAccess(text: string): boolean {
  return /^[rwm]{1,3}$/.test(text);
}

function absolute(option: string, text: string, path: string): string {
  if (!path.startsWith("/"))
    throw invalid(option, text, `"${path}" is not an absolute path in the container`);
  return path;
}

function invalid(option: string, text: string, why: string): CortenError {
  return new CortenError("invalid-argument", `invalid value "${text}" for ${option}: ${why}`);
}
