import type { RegistryEvent } from "../events/registry-event.ts";
import type { Expired } from "./retention.ts";

/** What listeners are told of something that retention removed: what they would be told of a client's DELETE. */
export function eventOfExpired({ repository, reference, digest }: Expired): RegistryEvent {
  return reference === digest
    ? { kind: "manifest-deleted", repository, digest, tags: [] }
    : { kind: "tag-deleted", repository, digest, tags: [reference] };
}
