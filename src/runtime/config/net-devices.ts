import type { RuntimeConfig } from "../../spec/index.ts";
import { escapePointer } from "../../spec/index.ts";
import { configFault, shown } from "./check.ts";

/** A device of the host's that the container gets. */
export interface NetDevice {
  readonly name: string;
  /** Its name in the container. */
  readonly newName: string;
  readonly at: string;
}

/** True for what the kernel takes as a device's name; a "%" would have it choose one. */
function isDeviceName(name: string): boolean {
  return (
    name !== "" &&
    Buffer.byteLength(name) < 16 &&
    name !== "." &&
    name !== ".." &&
    !/[\s/:%\p{Cc}]/u.test(name)
  );
}

/**
 * `linux.netDevices` (config-linux.md "Network Devices"), in the document's order.
 *
 * @throws invalid-argument for a name that no device can have, two devices of one name, or no network namespace
 */
export function netDevices({ linux }: RuntimeConfig): NetDevice[] {
  const entries = Object.entries(linux?.netDevices ?? {});
  if (entries.length === 0) return [];
  if (!(linux?.namespaces ?? []).some(({ type }) => type === "network")) {
    throw configFault("/linux/netDevices", "needs a network namespace in /linux/namespaces");
  }
  const taken = new Map<string, string>();
  return entries.map(([name, { name: wanted = "" }]) => {
    const at = `/linux/netDevices/${escapePointer(name)}`;
    const newName = wanted === "" ? name : wanted;
    if (!isDeviceName(name)) throw configFault(at, "is no name of a network device");
    if (!isDeviceName(newName)) {
      throw configFault(`${at}/name`, `is no name of a network device: ${shown(newName)}`);
    }
    const other = taken.get(newName);
    if (other !== undefined)
      throw configFault(at, `gets the name ${shown(newName)}, which ${other} gets too`);
    taken.set(newName, at);
    return { name, newName, at };
  });
}
