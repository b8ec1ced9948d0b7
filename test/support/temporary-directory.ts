import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** A new empty directory under /tmp, removed with everything in it at the end of the `using` block. */
export function temporaryDirectory(name = "test"): Disposable & { readonly path: string } {
  const path = mkdtempSync(join(tmpdir(), `corten-${name}-`));
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }) };
}
