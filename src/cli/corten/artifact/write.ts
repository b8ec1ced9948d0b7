import { writeFile } from "node:fs/promises";
import type { ArtifactContent } from "../../../image/index.ts";
import { prepareArtifact, writeArtifact } from "../../../image/index.ts";
import type { Document, RegistryOptions } from "../../../transport/index.ts";
import { openSink, printPlace } from "../../../transport/index.ts";
import { print, printJson } from "../../terminal/stream.ts";
import { showTransfer } from "../images/transfer-progress.ts";
import { interruptible } from "../interruption.ts";
import type { CortenCall } from "../table/globals.ts";
import type { AccessValues } from "../transfer/access.ts";
import { registryAccess } from "../transfer/access.ts";
import { keptUploads } from "../transfer/kept-uploads.ts";
import { lazyStore } from "../transfer/lazy-store.ts";
import type { ArtifactPlace } from "./place.ts";

interface WriteOptions {
  readonly "export-manifest": string | undefined;
  readonly format: "text" | "json";
  readonly quiet: boolean;
}

/** Where an artifact is to go and what it is to be, once the registry can be asked. */
export interface Written {
  readonly content: ArtifactContent;
  /** By the digest that the artifact has got. */
  readonly places: (root: Document) => readonly ArtifactPlace[];
}

/** Makes an artifact, writes it to its places and prints its digest. */
export async function writeTo(
  call: Pick<CortenCall, "globals"> & { readonly options: WriteOptions },
  access: AccessValues,
  decide: (registry: RegistryOptions, signal: AbortSignal) => Promise<Written>,
): Promise<number> {
  const { options } = call;
  using lazy = lazyStore(call);
  const progress = await showTransfer(options.quiet, "push");
  const registry = registryAccess(access, progress.note);
  const uploads = keptUploads(lazy.open, progress.note);
  const written = await interruptible(async (signal) => {
    const { content, places } = await decide(registry, signal);
    await using artifact = await prepareArtifact(content);
    const { onProgress } = progress;
    for (const place of places(artifact.root)) {
      await using sink = await openSink(place, { registry: { ...registry, uploads } });
      await writeArtifact(artifact, sink, { onProgress, signal });
    }
    return { root: artifact.root, places: places(artifact.root), content };
  }).finally(() => progress.finish());
  const { root, places } = written;
  if (options["export-manifest"] !== undefined) await writeFile(options["export-manifest"], root.bytes);
  if (options.format === "text") print(root.descriptor.digest);
  else
    printJson({
      reference: printPlace(places[0]!),
      ...root.descriptor,
      annotations: written.content.annotations,
    });
  return 0;
}
