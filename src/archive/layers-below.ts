import type { Digest } from "../spec/index.ts";
import type { ByteString } from "./byte-string.ts";
import type { ErofsImage } from "./erofs-image.ts";
import type { ImageFile } from "./erofs-image-file.ts";

/** A file of a lower layer, and the image that holds it. */
export interface FileBelow {
  readonly image: ErofsImage;
  readonly file: ImageFile;
}

/**
 * The layers that a layer is unpacked upon. Most layers need to know nothing of them, and their image serves
 * wherever they stand. But whoever unpacks layers one over the other into one directory follows a lower layer's
 * `lib -> usr/lib` on the way to `lib/x`, and makes hard links to lower files; a layer that counts on that
 * gets an image for this chain of layers alone.
 */
export interface LayersBelow {
  /** ChainID of the layer together with those below it: what its image is told apart by. */
  readonly chainID: Digest;
  /** What the layers below have at `path`, symbolic links not followed; whiteouts applied. */
  lookup(path: ByteString): FileBelow | undefined;
}
