import { netDevices } from "../config/net-devices.ts";
import type { SectionBuilder } from "./builder.ts";
import { type LaunchInput, Step } from "./launch-input.ts";
import type { Namespaces } from "./namespaces.ts";
import type { Register } from "./operation.ts";

/**
 * Moves `linux.netDevices` into the container's network namespace. The host's section does it, as only there both
 * namespaces can be reached. It keeps the namespace open: a virtual device would be destroyed with it, so the cleanup
 * section brings every device back first, after a failed start as after a foreground run. A container left on its own
 * loses its devices as the standard has it: physical ones return by themselves.
 */
export function compileNetDevices(
  h: SectionBuilder,
  input: LaunchInput,
  namespaces: Namespaces,
): Register | undefined {
  const devices = netDevices(input.config);
  if (devices.length === 0) return undefined;
  let namespace = namespaces.joined.find(({ type }) => type === "network")?.fd;
  if (namespace === undefined) {
    namespace = h.take("container's network namespace");
    const out = namespace;
    h.at("/linux/netDevices", () => h.add("openNetworkNamespace", { out }));
  }
  const target = namespace;
  for (const { name, newName, at } of devices) {
    h.at(at, () => h.add("moveNetDevice", { namespace: target, name, newName }));
  }
  h.at("/linux/netDevices", () => h.add("notify", { event: Step.devicesMoved }));
  return namespace;
}

/** In the container's section: nothing of it runs before it has its devices. */
export function awaitNetDevices(c: SectionBuilder, input: LaunchInput): void {
  if (netDevices(input.config).length === 0) return;
  c.at("/linux/netDevices", () => c.add("await", { event: Step.devicesMoved }));
}

/** Brings the devices back, the last one first. */
export function returnNetDevices(cleanup: SectionBuilder, input: LaunchInput, namespace: Register): void {
  for (const { name, newName, at } of netDevices(input.config).reverse()) {
    cleanup.at(at, () => cleanup.add("returnNetDevice", { namespace, name, newName }));
  }
}
