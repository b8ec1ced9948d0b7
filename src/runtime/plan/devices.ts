import { posix } from "node:path";
import type { RuntimeDevice } from "../../spec/index.ts";
import type { SectionBuilder } from "./builder.ts";
import * as k from "./constants.ts";
import type { LaunchInput } from "./launch-input.ts";
import type { Register } from "./operation.ts";

/** Devices that every container has (runtime-spec, config-linux.md "Default Devices"). */
const DEFAULT_DEVICES: readonly RuntimeDevice[] = [
  ["null", 1, 3],
  ["zero", 1, 5],
  ["full", 1, 7],
  ["random", 1, 8],
  ["urandom", 1, 9],
  ["tty", 5, 0],
].map(([name, major, minor]) => ({
  path: `/dev/${name}`,
  type: "c",
  major: major as number,
  minor: minor as number,
  fileMode: 0o666,
}));

/** Links that every container has (runtime-spec, runtime-linux.md "Dev symbolic links"). */
const DEFAULT_LINKS = [
  ["fd", "/proc/self/fd"],
  ["stdin", "/proc/self/fd/0"],
  ["stdout", "/proc/self/fd/1"],
  ["stderr", "/proc/self/fd/2"],
] as const;

const TYPES = { c: k.S_IFCHR, u: k.S_IFCHR, b: k.S_IFBLK, p: k.S_IFIFO } as const;

/**
 * Fills /dev through a descriptor of that directory inside the root: where an image has made it a symlink, the
 * names still come to lie inside the container (CVE-2026-41579).
 */
export function compileDevices(c: SectionBuilder, root: Register, input: LaunchInput): void {
  const listed = input.config.linux?.devices ?? [];
  const dev = c.take("/dev");
  c.add("resolve", { out: dev, root, path: "dev", create: 1, mode: 0o755, directory: 0 });
  for (const device of DEFAULT_DEVICES) {
    if (listed.some(({ path }) => posix.normalize(path) === device.path)) continue;
    makeNode(c, dev, posix.basename(device.path), device);
  }
  const seen = new Set<string>();
  for (const [index, device] of listed.entries()) {
    const path = posix.normalize(device.path);
    // Engines list a device twice that is both a default and asked for; the pair is checked to be equal.
    if (seen.has(path)) continue;
    seen.add(path);
    c.at(`/linux/devices/${index}`, () => {
      const parent = posix.dirname(path);
      if (parent === "/dev") {
        makeNode(c, dev, posix.basename(path), device);
        return;
      }
      const directory = c.take(parent);
      c.add("resolve", { out: directory, root, path: parent.slice(1), create: 1, mode: 0o755, directory: 0 });
      makeNode(c, directory, posix.basename(path), device);
      c.close(directory);
    });
  }
  for (const [path, target] of DEFAULT_LINKS) c.add("makeSymlink", { dir: dev, path, target, replace: 0 });
  c.add("makeSymlink", { dir: dev, path: "ptmx", target: "pts/ptmx", replace: 1 });
  c.close(dev);
}

function makeNode(c: SectionBuilder, dir: Register, name: string, device: RuntimeDevice): void {
  c.add("makeNode", {
    dir,
    path: name,
    mode: TYPES[device.type] | ((device.fileMode ?? 0o666) & 0o7777),
    major: device.major ?? 0,
    minor: device.minor ?? 0,
    uid: device.uid ?? 0,
    gid: device.gid ?? 0,
  });
}
