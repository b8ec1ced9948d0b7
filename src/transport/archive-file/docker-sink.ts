import type { Descriptor } from "../../spec/index.ts";
import { CortenError, familiarReference, parseDocument, parseReference } from "../../spec/index.ts";
import { blobPath } from "../layout/contents.ts";
import { indexWithNames, LAYOUT_HEADER } from "../layout/new-index.ts";
import type { Document, ImageSink, TransportOptions } from "../place.ts";
import { OciArchiveSink } from "./oci-sink.ts";
import type { TarOutput } from "./tar-output.ts";

/**
 * An archive that `docker load` reads, in the form that Docker writes since version 25: an OCI layout
 * with Docker's `manifest.json` beside its index, so that the image keeps its manifest and digest.
 */
export class DockerArchiveSink implements ImageSink {
  readonly name: string;
  readonly ordered = true;
  readonly #output: TarOutput;
  readonly #blobs: OciArchiveSink;
  readonly #tags: readonly string[];

  /** @param names what `docker load` is to call the image, as users write references */
  constructor(name: string, output: TarOutput, names: readonly string[]) {
    this.name = name;
    this.#output = output;
    this.#tags = [...new Set(names.map((tag) => familiarReference(parseReference(tag))))];
    this.#blobs = new OciArchiveSink(name, output, this.#tags);
  }

  hasBlob(descriptor: Descriptor): Promise<boolean> {
    return this.#blobs.hasBlob(descriptor);
  }

  writeBlob(
    descriptor: Descriptor,
    content: AsyncIterable<Uint8Array>,
    options?: TransportOptions,
  ): Promise<void> {
    return this.#blobs.writeBlob(descriptor, content, options);
  }

  writeManifest(document: Document, options?: TransportOptions): Promise<void> {
    return this.#blobs.writeManifest(document, options);
  }

  /** @throws failed-precondition when `root` is an index: `docker load` takes one platform */
  async commit(root: Document, options?: TransportOptions): Promise<void> {
    const parsed = parseDocument(root.bytes, root.descriptor.mediaType, { what: this.name });
    if (parsed.kind === "index") {
      throw new CortenError(
        "failed-precondition",
        `${this.name}: a docker-archive holds an image of one platform`,
        {
          hint: "choose a platform, or save as oci-archive",
        },
      );
    }
    await this.writeManifest(root, options);
    const { config, layers } = parsed.manifest;
    const images = [
      {
        Config: blobPath(config),
        RepoTags: this.#tags.length === 0 ? null : this.#tags,
        Layers: layers.map(blobPath),
      },
    ];
    await this.#addText("oci-layout", LAYOUT_HEADER);
    await this.#addText("index.json", indexWithNames(undefined, root.descriptor, this.#tags));
    await this.#addText("manifest.json", new TextEncoder().encode(JSON.stringify(images)));
    await this.#output.finish();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#output[Symbol.asyncDispose]();
  }

  async #addText(path: string, bytes: Uint8Array): Promise<void> {
    await this.#output.add(path, bytes.length, bytes);
  }
}
