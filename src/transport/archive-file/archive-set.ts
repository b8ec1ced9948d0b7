import type { Descriptor, Digest, ImageManifest } from "../../spec/index.ts";
import {
  CortenError,
  familiarReference,
  isErofsLayerType,
  parseDocument,
  parseReference,
} from "../../spec/index.ts";
import { blobPath } from "../layout/contents.ts";
import { indexWithNames, LAYOUT_HEADER } from "../layout/new-index.ts";
import type { Document, ImageSink, TransportOptions } from "../place.ts";
import { abortable, verified, verifyBytes } from "../stream.ts";
import { TarOutput } from "./tar-output.ts";

/** The two forms of archive that are written. Docker's is an OCI layout as well since version 25. */
export type ArchiveKind = "oci-archive" | "docker-archive";

/** An image of the set: what its names mean. */
interface Member {
  readonly root: Descriptor;
  /** Only of Docker's form. */
  readonly manifest: ImageManifest | undefined;
  readonly names: readonly string[];
}

/**
 * A tar archive to write images to: an OCI layout, in Docker's form with its `manifest.json` beside the index, so that
 * images keep their manifests and digests and `docker load` reads them. Nothing stands under the archive's name before
 * {@link finish}. Let go of it with `await using`.
 */
export class ArchiveSet implements AsyncDisposable {
  readonly name: string;
  readonly kind: ArchiveKind;
  readonly #output: TarOutput;
  readonly #members = new Map<Digest, Member>();

  private constructor(name: string, kind: ArchiveKind, output: TarOutput) {
    this.name = name;
    this.kind = kind;
    this.#output = output;
  }

  /** @throws invalid-argument when the directory does not exist or cannot be written to */
  static async create(name: string, kind: ArchiveKind, path: string): Promise<ArchiveSet> {
    return new ArchiveSet(name, kind, await TarOutput.create(path));
  }

  /**
   * A sink for one image of the archive; more may be open at the same time.
   *
   * @param names what the image is called there; in Docker's form references as users write them
   */
  image(names: readonly string[]): ImageSink {
    return new ArchiveSink(this, names);
  }

  /** Gives the archive its name. */
  async finish(): Promise<void> {
    await this.#addText("oci-layout", LAYOUT_HEADER);
    let index: Uint8Array | undefined;
    for (const { root, names } of this.#members.values()) index = indexWithNames(index, root, names);
    if (index === undefined)
      throw new CortenError("failed-precondition", `${this.name}: there is no image to write`);
    await this.#addText("index.json", index);
    if (this.kind === "docker-archive") await this.#addText("manifest.json", this.#dockerList());
    await this.#output.finish();
  }

  has(descriptor: Descriptor): boolean {
    return this.#output.sizeOf(blobPath(descriptor)) === descriptor.size;
  }

  async writeBlob(
    descriptor: Descriptor,
    content: AsyncIterable<Uint8Array>,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    const what = `${this.name}: blob ${descriptor.digest}`;
    const checked = verified(abortable(content, signal), descriptor, what);
    await this.#output.add(blobPath(descriptor), descriptor.size, checked);
  }

  async writeManifest({ descriptor, bytes }: Document): Promise<void> {
    await verifyBytes(bytes, descriptor, `${this.name}: manifest ${descriptor.digest}`);
    await this.#output.add(blobPath(descriptor), bytes.length, bytes);
  }

  /** Lists an image that has been written. @throws failed-precondition when Docker's form cannot hold it */
  async list(root: Document, names: readonly string[]): Promise<void> {
    const manifest = this.kind === "docker-archive" ? this.#loadable(root) : undefined;
    await this.writeManifest(root);
    const { descriptor } = root;
    const before = this.#members.get(descriptor.digest)?.names ?? [];
    this.#members.set(descriptor.digest, {
      root: descriptor,
      manifest,
      names: [...new Set([...before, ...names])],
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#output[Symbol.asyncDispose]();
  }

  #loadable({ descriptor, bytes }: Document): ImageManifest {
    const parsed = parseDocument(bytes, descriptor.mediaType, { what: this.name });
    if (parsed.kind === "manifest") {
      if (!parsed.manifest.layers.some(({ mediaType }) => isErofsLayerType(mediaType)))
        return parsed.manifest;
      throw new CortenError(
        "failed-precondition",
        `${this.name}: a docker-archive holds no layers that are EROFS images`,
        { hint: "save as oci-archive, or make archives of them: corten image convert --compression gzip" },
      );
    }
    throw new CortenError(
      "failed-precondition",
      `${this.name}: a docker-archive holds an image of one platform`,
      { hint: "choose a platform, or save as oci-archive" },
    );
  }

  #dockerList(): Uint8Array {
    const images = [...this.#members.values()].map(({ manifest, names }) => ({
      Config: blobPath(manifest!.config),
      RepoTags: names.length === 0 ? null : names,
      Layers: manifest!.layers.map(blobPath),
    }));
    return new TextEncoder().encode(JSON.stringify(images));
  }

  async #addText(path: string, bytes: Uint8Array): Promise<void> {
    await this.#output.add(path, bytes.length, bytes);
  }
}

/** One image of an archive; the archive is finished by who opened it. */
class ArchiveSink implements ImageSink {
  readonly ordered = true;
  readonly #set: ArchiveSet;
  readonly #names: readonly string[];

  constructor(set: ArchiveSet, names: readonly string[]) {
    this.#set = set;
    this.#names =
      set.kind === "docker-archive" ? names.map((name) => familiarReference(parseReference(name))) : names;
  }

  get name(): string {
    return this.#set.name;
  }

  async hasBlob(descriptor: Descriptor): Promise<boolean> {
    return this.#set.has(descriptor);
  }

  writeBlob(
    descriptor: Descriptor,
    content: AsyncIterable<Uint8Array>,
    { signal }: TransportOptions = {},
  ): Promise<void> {
    return this.#set.writeBlob(descriptor, content, signal);
  }

  async writeManifest(document: Document, { signal }: TransportOptions = {}): Promise<void> {
    signal?.throwIfAborted();
    await this.#set.writeManifest(document);
  }

  async commit(root: Document, { signal }: TransportOptions = {}): Promise<void> {
    signal?.throwIfAborted();
    await this.#set.list(root, this.#names);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // The archive is let go of by who opened it.
  }
}

/** An archive of one image: it is complete when that is. */
export async function openArchiveSink(
  name: string,
  kind: ArchiveKind,
  path: string,
  names: readonly string[],
): Promise<ImageSink> {
  const set = await ArchiveSet.create(name, kind, path);
  try {
    const sink = set.image(names);
    return {
      name,
      ordered: true,
      hasBlob: (...call) => sink.hasBlob(...call),
      writeBlob: (...call) => sink.writeBlob(...call),
      writeManifest: (...call) => sink.writeManifest(...call),
      async commit(...call) {
        await sink.commit(...call);
        await set.finish();
      },
      [Symbol.asyncDispose]: () => set[Symbol.asyncDispose](),
    };
  } catch (error) {
    await set[Symbol.asyncDispose]();
    throw error;
  }
}
