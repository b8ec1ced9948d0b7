import { cortenOci } from "../../test/support/index.ts";

/** The OCI runtimes that take turns: each with the same command line and a state root of its own. */
export const runtimes = [
  { name: "corten-oci", program: cortenOci },
  { name: "crun", program: "crun" },
  { name: "runc", program: "runc" },
];

/** Where a runtime keeps its containers' states. */
export function rootOf(name: string): string {
  return `/run/bench-${name}`;
}
