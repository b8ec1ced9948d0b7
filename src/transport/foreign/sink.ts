import { join } from "node:path";
import type { DiskPlace, ForeignPlace } from "../address.ts";
import { printPlace } from "../address.ts";
import type { OpenOptions } from "../open.ts";
import type { Document, ImageSink, TransportOptions } from "../place.ts";
import { findProgram, runProgram } from "./program.ts";
import { temporaryDirectory } from "./temporary.ts";

/**
 * Another engine's store to write an image to: what is written is gathered in a temporary directory, and
 * that engine's program reads it in at `commit`.
 *
 * @throws failed-precondition when there is no such program
 */
export async function openForeignSink(place: ForeignPlace, options: OpenOptions): Promise<ImageSink> {
  const { environment = process.env } = options;
  const names = place.kind === "docker-daemon" ? ["docker"] : ["skopeo", "podman"];
  const program = await findProgram(names, environment);
  const directory = await temporaryDirectory();
  const path = join(directory.path, "image");
  // skopeo alone reads a layout into the store under any name.
  const gathered: DiskPlace =
    program === "skopeo" ? { kind: "layout", path } : { kind: "docker-archive", path, ref: place.name };
  const { openSink } = await import("../open.ts");
  try {
    return new ForeignSink({ place, program, path, environment }, await openSink(gathered), directory);
  } catch (error) {
    await directory[Symbol.asyncDispose]();
    throw error;
  }
}

interface Import {
  readonly place: ForeignPlace;
  readonly program: string;
  readonly path: string;
  readonly environment: Readonly<Record<string, string | undefined>>;
}

class ForeignSink implements ImageSink {
  readonly #import: Import;
  readonly #inner: ImageSink;
  readonly #directory: AsyncDisposable;

  constructor(importing: Import, inner: ImageSink, directory: AsyncDisposable) {
    this.#import = importing;
    this.#inner = inner;
    this.#directory = directory;
  }

  get name(): string {
    return printPlace(this.#import.place);
  }

  hasBlob(...call: Parameters<ImageSink["hasBlob"]>): Promise<boolean> {
    return this.#inner.hasBlob(...call);
  }

  writeBlob(...call: Parameters<ImageSink["writeBlob"]>): Promise<void> {
    return this.#inner.writeBlob(...call);
  }

  writeManifest(...call: Parameters<ImageSink["writeManifest"]>): Promise<void> {
    return this.#inner.writeManifest(...call);
  }

  async commit(root: Document, options: TransportOptions = {}): Promise<void> {
    await this.#inner.commit(root, options);
    const { program, path, environment } = this.#import;
    const args =
      program === "skopeo"
        ? ["copy", "--quiet", `oci:${path}`, this.name]
        : ["load", "--quiet", "--input", path];
    await runProgram(program, args, `write ${this.name}`, { environment, signal: options.signal });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#inner[Symbol.asyncDispose]();
    await this.#directory[Symbol.asyncDispose]();
  }
}
