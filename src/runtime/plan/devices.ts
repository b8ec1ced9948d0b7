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

/** Makes a device appear below a directory of the container. */
type Maker = (c: SectionBuilder, dir: Register, name: string, device: RuntimeDevice) => void;

/**
 * Fills /dev through a descriptor of that directory inside the root: where an image has made it a symlink, the
 * names still come to lie inside the container (CVE-2026-41579).
 *
 * @param bound where the nodes are the host's, since a user namespace may make none: receives what that changes
 */
export function compileDevices(
  c: SectionBuilder,
  root: Register,
  input: LaunchInput,
  bound: string[] | undefined,
): void {
  const listed = input.config.linux?.devices ?? [];
  const make: Maker = bound === undefined ? makeNode : bindNode;
  const dev = c.take("/dev");
  c.add("resolve", { out: dev, root, path: "dev", create: 1, mode: 0o755, directory: 0 });
  for (const device of DEFAULT_DEVICES) {
    if (listed.some(({ path }) => posix.normalize(path) === device.path)) continue;
    make(c, dev, posix.basename(device.path), device);
  }
  const seen = new Set<string>();
  for (const [index, device] of listed.entries()) {
    const path = posix.normalize(device.path);
    // Engines list a device twice that is both a default and asked for; the pair is checked to be equal.
    if (seen.has(path)) continue;
    seen.add(path);
    if (bound !== undefined) warnOfHostNode(device, index, bound);
    c.at(`/linux/devices/${index}`, () => {
      const parent = posix.dirname(path);
      if (parent === "/dev") {
        make(c, dev, posix.basename(path), device);
        return;
      }
      const directory = c.take(parent);
      c.add("resolve", { out: directory, root, path: parent.slice(1), create: 1, mode: 0o755, directory: 0 });
      make(c, directory, posix.basename(path), device);
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

/** Puts the host's node of the same path there. What it is gets checked: the name alone says nothing. */
function bindNode(c: SectionBuilder, dir: Register, name: string, device: RuntimeDevice): void {
  if (device.type === "p") {
    makeNode(c, dir, name, device);
    return;
  }
  const { major = 0, minor = 0 } = device;
  const path = posix.normalize(device.path);
  const node = c.take(path);
  c.add("openTree", { out: node, dir: null, path, flags: k.OPEN_TREE_CLONE });
  const kind = device.type === "b" ? k.VERIFY_BLOCK_DEVICE : k.VERIFY_CHARACTER_DEVICE;
  c.add("verify", { fd: node, kind, major, minor });
  const place = c.take(path);
  c.add("resolve", { out: place, root: dir, path: name, create: 2, mode: 0o666, directory: 0 });
  c.add("moveMount", { from: node, to: place, path: "" });
  c.close(place);
  c.close(node);
}

function warnOfHostNode(device: RuntimeDevice, index: number, warnings: string[]): void {
  const idle = (["fileMode", "uid", "gid"] as const).filter((name) => device[name] !== undefined);
  if (device.type === "p" || idle.length === 0) return;
  warnings.push(
    `/linux/devices/${index}: ${idle.join(", ")} of ${device.path} stay the host's: a user namespace makes no nodes`,
  );
}
