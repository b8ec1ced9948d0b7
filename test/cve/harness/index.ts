/**
 * Attacks that got through other runtimes, as tests. Each file of test/cve declares one; `npm run test:cve` runs them
 * on dist/corten-oci, `RUNTIME=runc npm run test:cve` on a peer. The verdict is about what happened on the host and in
 * the container, never about a message.
 */

export type { Attack, AttackResult, Case } from "./attack.ts";
export { attack } from "./attack.ts";
export type { EvilImage } from "./image.ts";
export { loadEvilImage } from "./image.ts";
export type { Change } from "./lab.ts";
export { Lab, wasRefused } from "./lab.ts";
