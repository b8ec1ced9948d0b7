import { basic } from "./basic.ts";
import { manyTags } from "./many-tags.ts";
import type { Workload } from "./workload.ts";
import { zb } from "./zb.ts";

/** All workloads that registries are compared by. */
export const workloads: readonly Workload[] = [...basic, ...manyTags, ...zb];
