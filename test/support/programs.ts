import { existsSync } from "node:fs";
import { join } from "node:path";

/** The repository this test stands in. */
export const repository = join(import.meta.dirname, "../..");

/** The built programs; CORTEN and CORTEN_OCI in the environment name others. */
export const corten = process.env["CORTEN"] ?? join(repository, "dist/corten");
export const cortenOci = process.env["CORTEN_OCI"] ?? join(repository, "dist/corten-oci");

/** Whether a program is installed; tests against peers skip themselves without it. */
export function isInstalled(program: string): boolean {
  return ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"].some((folder) =>
    existsSync(join(folder, program)),
  );
}

/** Whether the test runs as root, for `test("…", { skip: !isRoot }, …)`. */
export const isRoot = process.getuid?.() === 0;
