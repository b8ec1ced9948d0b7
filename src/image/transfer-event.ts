import type { Descriptor, Digest, Platform } from "../spec/index.ts";

/**
 * What a pull or a save reports while it works, in this order: `root` first; `manifest` before the layers that it lists;
 * for each blob `layer` events, the last with `exists` or `done`; `retry` between them where something was cut.
 * Sizes and offsets are bytes of the stored (packed) form.
 */
export type TransferEvent =
  /** What the name means is known: an index or a manifest. */
  | { readonly type: "root"; readonly descriptor: Descriptor }
  /** A manifest was chosen and read. `platform` is undefined when nothing says it. */
  | {
      readonly type: "manifest";
      readonly descriptor: Descriptor;
      readonly platform: Platform | undefined;
      readonly layers: readonly Descriptor[];
    }
  /**
   * A layer, or another blob of the image. `exists`: it is there already. `fetching`: `offset` bytes are here.
   * `sending`: `offset` bytes have been handed to the other side. `done`: verified and stored.
   */
  | {
      readonly type: "layer";
      readonly digest: Digest;
      readonly offset: number;
      readonly size: number;
      readonly state: "exists" | "fetching" | "sending" | "done";
    }
  /** A transfer was cut and goes on from `offset`. */
  | { readonly type: "retry"; readonly digest: Digest; readonly offset: number; readonly error: Error };
