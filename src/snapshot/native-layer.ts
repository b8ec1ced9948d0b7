import { constants, copyFileSync, linkSync, rmSync } from "node:fs";
import { open } from "node:fs/promises";
import { checkErofs, decompress } from "../archive/index.ts";
import type { ImageLayer } from "../image/index.ts";
import { CortenError, diffIDAlgorithm } from "../spec/index.ts";
import { publish, writeWhole } from "./durable.ts";
import type { LayerPlace, SnapshotFiles } from "./layer-files.ts";
import { encodeLayerIndex } from "./layer-index.ts";
import type { MakeOptions } from "./layer-maker.ts";

/**
 * A layer that is an EROFS image itself: its image is one more name, a hard link, of the store's blob, which the kernel
 * mounts as it is, once it was found sound. One that was packed for the way is unpacked, and nothing more.
 *
 * @throws invalid-argument when it is no sound image; unimplemented for a form that is not read, such as compression
 */
export async function writeNativeLayer(
  files: SnapshotFiles,
  { descriptor, diffID }: ImageLayer,
  { image, index, archive }: LayerPlace,
  content: AsyncIterable<Uint8Array>,
  { signal, maxLayerSize }: MakeOptions,
): Promise<void> {
  const draft = `${image}.partial`;
  const limits = maxLayerSize === undefined ? {} : { totalBytes: maxLayerSize };
  const call = signal === undefined ? {} : { signal };
  rmSync(draft, { force: true });
  try {
    if (descriptor.digest === diffID) {
      // The content ends once the blob has its name, and the digest it should have.
      for await (const _ of content) signal?.throwIfAborted();
      linkOrCopy(files.blob(diffID), draft);
    } else await unpack(decompress(content, { limits, ...call }), draft, diffID);
    const checked = await checkErofs(draft, { limits, ...call }).catch((error: unknown) => {
      throw explained(error, descriptor.digest);
    });
    for (const file of [archive, image]) rmSync(file, { force: true });
    writeWhole(index, encodeLayerIndex({ diffID, ...checked }), `${index}.partial`);
    publish(draft, image);
  } finally {
    rmSync(draft, { force: true });
  }
}

function linkOrCopy(blob: string, draft: string): void {
  try {
    linkSync(blob, draft);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    // No hard links here, or as many as there can be.
    if (code !== "EPERM" && code !== "EMLINK" && code !== "EXDEV" && code !== "ENOTSUP") throw error;
    copyFileSync(blob, draft, constants.COPYFILE_FICLONE);
  }
}

async function unpack(
  content: AsyncIterable<Uint8Array>,
  draft: string,
  diffID: ImageLayer["diffID"],
): Promise<void> {
  const { createHash } = await import("node:crypto");
  const algorithm = diffIDAlgorithm(diffID);
  const hash = createHash(algorithm);
  const file = await open(draft, "wx", 0o600);
  try {
    for await (const chunk of content) {
      hash.update(chunk);
      await file.writeFile(chunk);
    }
    await file.sync();
  } finally {
    await file.close();
  }
  const found = `${algorithm}:${hash.digest("hex")}`;
  if (found === diffID) return;
  throw new CortenError("data-loss", `layer unpacks to ${found}, not ${diffID}`, {
    hint: "the image's configuration and its layer do not belong together; pull the image again",
  });
}

/** A layer is called by its digest, not by the file that it is examined in. */
function explained(error: unknown, digest: string): unknown {
  if (!(error instanceof CortenError)) return error;
  const { code, hint, message } = error;
  return new CortenError(code, `layer ${digest}: ${message}`, {
    cause: error,
    ...(hint === undefined ? {} : { hint }),
  });
}
