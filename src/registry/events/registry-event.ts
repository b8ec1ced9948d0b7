import type { Digest } from "../../spec/index.ts";

/** Something that happened in a registry. */
export interface RegistryEvent {
  readonly kind:
    | "manifest-pushed"
    | "manifest-pulled"
    | "manifest-deleted"
    | "tag-deleted"
    | "blob-pushed"
    | "blob-pulled"
    | "blob-mounted"
    | "blob-deleted";
  readonly repository: string;
  readonly digest: Digest;
  /** Tags that were set, deleted, or asked for. */
  readonly tags?: readonly string[];
  readonly mediaType?: string;
  readonly size?: number;
  /** Where a blob was mounted from. */
  readonly from?: string;
  /** Who did it; undefined for an anonymous request. */
  readonly actor?: string;
}
