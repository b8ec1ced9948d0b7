import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** The path of a file in a directory of its own (0700) that is removed at the end of the `using` block. */
export function temporaryFile(): Disposable & { readonly path: string } {
  const directory = mkdtempSync(join(tmpdir(), "corten-"));
  return {
    path: join(directory, "archive.tar"),
    [Symbol.dispose]: () => rmSync(directory, { recursive: true, force: true }),
  };
}
