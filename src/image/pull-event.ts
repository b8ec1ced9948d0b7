import type { Descriptor, Digest, Platform } from "../spec/index.ts";

/** What a pull reports while it works. Sizes and offsets are bytes of the stored (packed) form. */
export type PullEvent =
  /** What the name means is known: an index or a manifest. */
  | { readonly type: "root"; readonly descriptor: Descriptor }
  /** A manifest was chosen and read. `platform` is undefined when nothing says it. */
  | {
      readonly type: "manifest";
      readonly descriptor: Descriptor;
      readonly platform: Platform | undefined;
      readonly layers: readonly Descriptor[];
    }
  /** `exists`: nothing to fetch. `fetching`: `offset` bytes are here. `done`: verified and stored. */
  | {
      readonly type: "layer";
      readonly digest: Digest;
      readonly offset: number;
      readonly size: number;
      readonly state: "exists" | "fetching" | "done";
    }
  /** A transfer was cut and goes on from `offset`. */
  | { readonly type: "retry"; readonly digest: Digest; readonly offset: number; readonly error: Error };
