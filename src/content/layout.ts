import { closeSync, existsSync, fsyncSync, mkdirSync, openSync, renameSync, writeSync } from "node:fs";
import { join } from "node:path";
import type { Descriptor, ImageIndex, ImageLayout } from "../spec/index.ts";
import { Annotation, MediaType } from "../spec/index.ts";
import type { Database } from "./database.ts";
import { explainFile } from "./file-error.ts";
import type { Names } from "./names.ts";
import { bootID } from "./owner.ts";
import type { Referrers, StoredReferrer } from "./referrers.ts";

/** What the index shows. */
interface Shown {
  readonly names: Names;
  readonly referrers: Referrers;
}

/**
 * The files that make the content directory an OCI image layout (image-spec, image-layout.md):
 * `oci-layout` and `index.json`, in which every name is an entry, and every manifest that is about another. The database is the truth; the
 * index is a view of it for other tools.
 */
export class Layout {
  readonly #directory: string;
  readonly #database: Database;
  readonly #shown: Shown;

  constructor(directory: string, database: Database, shown: Shown) {
    this.#directory = directory;
    this.#database = database;
    this.#shown = shown;
  }

  /** Creates what is missing and rewrites an index that a killed process left behind the names. */
  open(): void {
    if (!existsSync(join(this.#directory, "oci-layout"))) this.#create();
    if (this.#isStale() || !existsSync(join(this.#directory, "index.json"))) this.write();
  }

  /**
   * Rewrites `index.json` from the names. It happens inside a write transaction, so that of two
   * processes the one with the older list cannot come last. The row that says which state the file
   * shows is committed after the file is in place, so that a kill in between only means that the next
   * process writes it again.
   *
   * The file is not synced, as everyone would wait for the disk: after a power cut it may be old or
   * empty, so the first process of another boot writes it again.
   */
  write(): void {
    this.#database.transaction(() => {
      const { names, referrers } = this.#shown;
      const manifests = [
        ...names.list().map(({ name, descriptor }) => entry(name, descriptor)),
        ...referrers.list().map(referrerEntry),
      ];
      const index: ImageIndex = { schemaVersion: 2, mediaType: MediaType.imageIndex, manifests };
      replaceFile(this.#directory, "index.json", JSON.stringify(index), { sync: bootID() === "" });
      this.#database.run("UPDATE layout SET written = names, boot = ?", bootID());
    });
  }

  #isStale(): boolean {
    return (
      this.#database.get("SELECT 1 FROM layout WHERE written <> names OR boot <> ?", bootID()) !== undefined
    );
  }

  #create(): void {
    for (const part of ["blobs/blake3", "blobs/sha256", "blobs/sha512", "ingest"]) {
      const path = join(this.#directory, part);
      try {
        mkdirSync(path, { recursive: true, mode: 0o700 });
      } catch (error) {
        throw explainFile(error, `cannot create ${path}`);
      }
    }
    const layout: ImageLayout = { imageLayoutVersion: "1.0.0" };
    // Under the write lock: two first processes share the name of the temporary file.
    this.#database.transaction(() =>
      replaceFile(this.#directory, "oci-layout", JSON.stringify(layout), { sync: true }),
    );
  }
}

/** Both annotations carry the full name: skopeo selects by the first, containerd reads the second. */
function entry(name: string, { mediaType, digest, size }: Descriptor): Descriptor {
  const annotations = { [Annotation.containerdImageName]: name, [Annotation.refName]: name };
  return { mediaType, digest, size, annotations };
}

/** Without a name: who looks for what is about an image reads the manifest. Where that does not say it, the tag does. */
function referrerEntry({ descriptor, tag }: StoredReferrer): Descriptor {
  return tag === undefined ? descriptor : { ...descriptor, annotations: { [Annotation.refName]: tag } };
}

interface ReplaceOptions {
  /** Wait until the disk has it. */
  readonly sync: boolean;
}

/** Replaces a file so that after a kill it is the old one or the new one, whole; with `sync` after a power cut too. */
function replaceFile(directory: string, name: string, text: string, options: ReplaceOptions): void {
  try {
    writeAndRename(directory, name, text, options);
  } catch (error) {
    throw explainFile(error, `cannot write ${join(directory, name)}`);
  }
}

function writeAndRename(directory: string, name: string, text: string, { sync }: ReplaceOptions): void {
  const temporary = join(directory, `.${name}.new`);
  const file = openSync(temporary, "w", 0o600);
  try {
    const bytes = Buffer.from(text);
    for (let at = 0; at < bytes.length; ) at += writeSync(file, bytes, at);
    if (sync) fsyncSync(file);
  } finally {
    closeSync(file);
  }
  renameSync(temporary, join(directory, name));
  if (sync) syncDirectory(directory);
}

/** Makes a rename in `directory` survive a power cut. */
function syncDirectory(directory: string): void {
  if (process.platform === "win32") return; // Windows cannot open a directory
  const handle = openSync(directory, "r");
  try {
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
}
