/**
 * Tests of the standard that know a runtime by its command line and a bundle only, so that they hold for every runtime:
 * what runc and crun fail is a wrong test, or a deviation of theirs that deviations.ts names. `RUNTIME=runc` points them
 * at another runtime, `PLACE=user` (or user-namespace, container) calls it from elsewhere than root.
 */

export type { Change, State } from "./box.ts";
export { Box } from "./box.ts";
export type { Clause, ClauseResult } from "./clauses.ts";
export { clauses } from "./clauses.ts";
export type { Deviations } from "./deviations.ts";
export { deviations } from "./deviations.ts";
export type { Place, PlaceName } from "./places.ts";
export { makePlace, placeName } from "./places.ts";
