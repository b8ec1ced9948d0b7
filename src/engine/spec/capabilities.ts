import { CAPABILITIES } from "../../runtime/index.ts";
import { CortenError } from "../../spec/index.ts";

/** What docker leaves to a container that is not privileged. */
export const DEFAULT_CAPABILITIES: readonly string[] = [
  "CAP_CHOWN",
  "CAP_DAC_OVERRIDE",
  "CAP_FSETID",
  "CAP_FOWNER",
  "CAP_MKNOD",
  "CAP_NET_RAW",
  "CAP_SETGID",
  "CAP_SETUID",
  "CAP_SETFCAP",
  "CAP_SETPCAP",
  "CAP_NET_BIND_SERVICE",
  "CAP_SYS_CHROOT",
  "CAP_KILL",
  "CAP_AUDIT_WRITE",
];

/**
 * The default set with `add` and `drop` applied as docker does: `ALL` in drop empties it first, `ALL` in add fills
 * it, and then single names count.
 *
 * @throws invalid-argument for a name that the kernel does not know
 */
export function chooseCapabilities(add: readonly string[] = [], drop: readonly string[] = []): string[] {
  const added = add.map(canonical);
  const dropped = drop.map(canonical);
  let chosen = new Set<string>(added.includes("ALL") ? CAPABILITIES : DEFAULT_CAPABILITIES);
  if (dropped.includes("ALL")) chosen = new Set();
  for (const name of dropped) chosen.delete(name);
  for (const name of added) if (name !== "ALL") chosen.add(name);
  return CAPABILITIES.filter((name) => chosen.has(name));
}

/** All of them. */
export function everyCapability(): readonly string[] {
  return CAPABILITIES;
}

function canonical(text: string): string {
  const upper = text.toUpperCase();
  if (upper === "ALL") return upper;
  const name = upper.startsWith("CAP_") ? upper : `CAP_${upper}`;
  if (CAPABILITIES.includes(name)) return name;
  throw new CortenError("invalid-argument", `unknown capability "${text.slice(0, 100)}"`, {
    pointer: "/process/capabilities",
    hint: "capabilities(7) lists them",
  });
}
