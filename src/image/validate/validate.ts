import type { Descriptor, ExaminedIndex, ExaminedManifest, Platform } from "../../spec/index.ts";
import {
  Annotation,
  isIndexType,
  isManifestType,
  MAX_DOCUMENT_SIZE,
  MediaType,
  validateDocument,
  validateLayoutFile,
} from "../../spec/index.ts";
import type { RawPlace } from "../../transport/index.ts";
import { platformRank } from "../platform.ts";
import type { ExaminationContext } from "./blob.ts";
import { examineBlob, reportUnreadable } from "./blob.ts";
import { examineParts } from "./manifest.ts";
import type { ImageReport } from "./report.ts";
import { ReportBuilder } from "./report.ts";

/** Options of {@link validateImage}. */
export interface ValidateOptions {
  /** The images of a layout that have this name or digest, or the one at this place of its index. Default: all. */
  readonly image?: string | number;
  /** Follow only the entries of an index that are for this platform. Default: all. */
  readonly platform?: Platform;
  /** Look at the content of layers. Default: true. */
  readonly layers?: boolean;
  readonly signal?: AbortSignal;
}

/** Deepest nesting of indexes, and documents of one image, that are looked at (CVE-2026-53493). */
const MAX_DEPTH = 8;
const MAX_DOCUMENTS = 2048;

/**
 * Judges an image by every rule of image-spec, from the layout's files to the entries of its layers. It
 * goes on after a fault as far as that makes sense; nothing that it reads is trusted.
 *
 * @throws not-found when the place has nothing to look at; unavailable when it cannot be reached
 */
export async function validateImage(place: RawPlace, options: ValidateOptions = {}): Promise<ImageReport> {
  const report = new ReportBuilder();
  const context = { place, report, signal: options.signal };
  const examination = new ImageExamination(context, options);
  if (place.isLayout) await examination.layout(options.image);
  else await examination.root();
  return report.finish();
}

class ImageExamination {
  readonly #context: ExaminationContext;
  readonly #options: ValidateOptions;
  readonly #seen = new Set<string>();
  #exhausted = false;

  constructor(context: ExaminationContext, options: ValidateOptions) {
    this.#context = context;
    this.#options = options;
  }

  /** An OCI layout (image-layout.md). */
  async layout(image: string | number | undefined): Promise<void> {
    const { report } = this.#context;
    const header = await this.#file("oci-layout", 64 * 1024);
    if (header !== undefined) report.judged("oci-layout", validateLayoutFile(header));
    const index = await this.#file("index.json", MAX_DOCUMENT_SIZE);
    if (index === undefined) return;
    const all = validateDocument(index, MediaType.imageIndex);
    // Its place says what it is, and no tool writes it there.
    const findings = all.findings.filter(({ rule }) => rule !== "document-media-type-missing");
    const judged = report.judged("index.json", { ...all, findings });
    if (judged?.kind !== "index") return;
    await this.#embedded("index.json", judged);
    const wanted = (entry: Descriptor | undefined, index: number) =>
      image === undefined || image === index || (entry !== undefined && isNamed(entry, image));
    if (image !== undefined && !judged.manifests.some(wanted)) {
      report.content("no-image", "index.json", `has no image "${String(image).slice(0, 200)}"`, "/manifests");
    }
    const manifests = judged.manifests.map((entry, index) => (wanted(entry, index) ? entry : undefined));
    await this.#index("index.json", { ...judged, manifests }, 0);
  }

  /** A place that means one document. */
  async root(): Promise<void> {
    const { place, report, signal } = this.#context;
    const { mediaType, bytes } = await place.root(signal === undefined ? {} : { signal });
    const { createHash } = await import("node:crypto");
    const digest = `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
    this.#seen.add(digest);
    const judged = report.judged(digest, validateDocument(bytes, mediaType));
    if (judged !== undefined) await this.#document(digest, judged, undefined, 0);
  }

  async #file(path: "oci-layout" | "index.json", limit: number): Promise<Uint8Array | undefined> {
    const { place, report } = this.#context;
    try {
      const bytes = await place.file(path, limit);
      if (bytes === undefined) report.content("layout-file", path, "is not there");
      return bytes;
    } catch (error) {
      if (!reportUnreadable(report, path, error)) throw error;
      return undefined;
    }
  }

  async #document(
    document: string,
    judged: ExaminedManifest | ExaminedIndex,
    platform: Platform | undefined,
    depth: number,
  ): Promise<void> {
    await this.#embedded(document, judged);
    if (judged.kind === "index") {
      await this.#index(document, judged, depth);
      return;
    }
    const layers = this.#options.layers ?? true;
    await examineParts(this.#context, judged, { document, platform, layers });
  }

  async #index(document: string, { manifests }: ExaminedIndex, depth: number): Promise<void> {
    const { report } = this.#context;
    for (const [index, entry] of manifests.entries()) {
      if (entry === undefined || !this.#wants(entry) || this.#seen.has(entry.digest)) continue;
      this.#seen.add(entry.digest);
      const pointer = `/manifests/${index}`;
      if (depth === MAX_DEPTH) {
        report.content("too-much", document, `is nested deeper than ${MAX_DEPTH} levels`, pointer);
        return;
      }
      if (this.#exhausted) return;
      if (this.#seen.size > MAX_DOCUMENTS) {
        this.#exhausted = true;
        report.content("too-much", document, `leads to more than ${MAX_DOCUMENTS} documents`, pointer);
        return;
      }
      await this.#entry(document, pointer, entry, depth + 1);
    }
  }

  #wants({ platform }: Descriptor): boolean {
    const wanted = this.#options.platform;
    return wanted === undefined || platform === undefined || platformRank(wanted, platform) === 0;
  }

  async #entry(document: string, pointer: string, entry: Descriptor, depth: number): Promise<void> {
    const { report } = this.#context;
    if (!isIndexType(entry.mediaType) && !isManifestType(entry.mediaType)) {
      await examineBlob(this.#context, entry, { missing: "missing-entry" }, async () => undefined);
      return;
    }
    if (entry.size > MAX_DOCUMENT_SIZE) {
      report.content("too-much", document, `lists a document of ${entry.size} bytes`, `${pointer}/size`);
      return;
    }
    const bytes = await this.#read(entry, depth === 1 && document === "index.json");
    if (bytes === undefined) return;
    const judged = report.judged(entry.digest, validateDocument(bytes, entry.mediaType));
    if (judged !== undefined) await this.#document(entry.digest, judged, entry.platform, depth);
  }

  /** The document behind an entry; what a layout itself lists must be there, other indexes may be sparse. */
  async #read(entry: Descriptor, listed: boolean): Promise<Uint8Array | undefined> {
    const { place, signal } = this.#context;
    const open = async () => {
      const bytes = await place.document(entry, signal === undefined ? {} : { signal });
      return bytes === undefined ? undefined : piece(bytes);
    };
    return examineBlob(
      this.#context,
      entry,
      { open, missing: listed ? "missing" : "missing-entry" },
      async (content) => Buffer.concat(await Array.fromAsync(content)),
    );
  }

  /** Embedded content must be what the digest says, wherever it stands. */
  async #embedded(document: string, judged: ExaminedManifest | ExaminedIndex): Promise<void> {
    const { createHash } = await import("node:crypto");
    for (const [pointer, descriptor] of descriptorsOf(judged)) {
      const { data, digest } = descriptor ?? {};
      if (data === undefined || digest?.startsWith("sha256:") !== true) continue;
      const found = createHash("sha256").update(Buffer.from(data, "base64")).digest("hex");
      if (`sha256:${found}` !== digest) {
        this.#context.report.content(
          "data-mismatch",
          document,
          `has the digest sha256:${found}`,
          `${pointer}/data`,
        );
      }
    }
  }
}

/** Every descriptor of a document, with its pointer. */
function* descriptorsOf(
  judged: ExaminedManifest | ExaminedIndex,
): Generator<readonly [pointer: string, descriptor: Descriptor | undefined], void, undefined> {
  const [name, list] = judged.kind === "index" ? ["manifests", judged.manifests] : ["layers", judged.layers];
  for (const [index, descriptor] of list.entries()) yield [`/${name}/${index}`, descriptor];
  if (judged.kind === "manifest") yield ["/config", judged.config];
  yield ["/subject", judged.subject];
}

async function* piece(bytes: Uint8Array): AsyncGenerator<Uint8Array, void, undefined> {
  yield bytes;
}

function isNamed({ digest, annotations = {} }: Descriptor, image: string | number): boolean {
  const names = [annotations[Annotation.refName], annotations[Annotation.containerdImageName], digest];
  return typeof image === "string" && names.includes(image);
}
