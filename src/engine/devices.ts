import { lstatSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { CortenError, type RuntimeDevice } from "../spec/index.ts";
import type { ContainerOptions } from "./container-options.ts";
import type { ContainerDevice } from "./spec/resources.ts";

/** The host's devices that a container gets: those it asks for, all of them where it is privileged. */
export function findDevices({ devices = [], privileged }: ContainerOptions): ContainerDevice[] {
  const asked = devices.map(({ source, destination, access }): ContainerDevice => {
    const node = deviceAt(source, destination);
    if (node !== undefined) return { node, access };
    throw new CortenError("invalid-argument", `${source} is not a device`, { pointer: "/linux/devices" });
  });
  if (privileged !== true) return asked;
  const taken = new Set(asked.map(({ node }) => node.path));
  return [...asked, ...hostDevices("/dev").filter(({ node }) => !taken.has(node.path))];
}

/** File systems of their own in /dev, and what the runtime makes anew. */
const LEFT_OUT = new Set(["console", "fd", "mqueue", "ptmx", "pts", "shm"]);

function hostDevices(directory: string): ContainerDevice[] {
  return readdirSync(directory, { withFileTypes: true }).flatMap((entry) => {
    const path = join(directory, entry.name);
    if (directory === "/dev" && LEFT_OUT.has(entry.name)) return [];
    if (entry.isDirectory()) return hostDevices(path);
    if (!entry.isCharacterDevice() && !entry.isBlockDevice()) return [];
    const node = deviceAt(path, path);
    return node === undefined ? [] : [{ node, access: "rwm" }];
  });
}

/** `source` may be a link, as in /dev/disk/by-id; `destination` is what the container sees. */
function deviceAt(source: string, destination: string): RuntimeDevice | undefined {
  const stat = statSync(source, { throwIfNoEntry: false });
  if (stat === undefined) {
    if (lstatSync(source, { throwIfNoEntry: false }) !== undefined) return undefined;
    throw new CortenError("not-found", `device ${source} does not exist`, { pointer: "/linux/devices" });
  }
  if (!stat.isCharacterDevice() && !stat.isBlockDevice()) return undefined;
  // The kernel's 12 bits of major and 20 of minor, as glibc spreads them over 64.
  const major = ((stat.rdev >>> 8) & 0xfff) as number;
  const minor = (stat.rdev & 0xff) | (Math.floor(stat.rdev / 2 ** 12) & 0xfff00);
  return {
    path: destination,
    type: stat.isBlockDevice() ? "b" : "c",
    major,
    minor,
    fileMode: stat.mode & 0o777,
    uid: stat.uid,
    gid: stat.gid,
  };
}
