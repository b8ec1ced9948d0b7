import { readFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "../repository.ts";

/** Licences under which a package may stand in the lock file; all let Corten be passed on under Apache-2.0. */
const accepted = new Set([
  "0BSD",
  "Apache-2.0",
  "BSD-2-Clause",
  "BSD-3-Clause",
  "BlueOak-1.0.0",
  "ISC",
  "MIT",
  "Python-2.0",
]);

type Lock = {
  readonly packages: Readonly<Record<string, { readonly license?: string; readonly version?: string }>>;
};

/** Returns the packages whose licence is missing or not accepted; "A OR B" needs one, "A AND B" needs both. */
export function judgeLicences(lock: Lock): string[] {
  return Object.entries(lock.packages)
    .filter(([path, { license }]) => path !== "" && !isAccepted(license ?? ""))
    .map(([path, { license, version }]) => `${path}@${version}: licence ${license ?? "unknown"}`);
}

function isAccepted(expression: string): boolean {
  return expression
    .replace(/[()]/g, "")
    .split(" OR ")
    .some((choice) => choice.split(" AND ").every((name) => accepted.has(name.trim())));
}

export function checkLicences(): string[] {
  return judgeLicences(JSON.parse(readFileSync(join(root, "package-lock.json"), "utf8")));
}
