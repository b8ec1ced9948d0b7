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
  "Unlicense",
]);

/** And these for what only develops and tests Corten: its own files stay under it, and none of them is passed on. */
const acceptedForDevelopment = new Set([...accepted, "MPL-2.0"]);

type Package = { readonly license?: string; readonly version?: string; readonly dev?: boolean };
type Lock = { readonly packages: Readonly<Record<string, Package>> };

/** Returns the packages whose licence is missing or not accepted; "A OR B" needs one, "A AND B" needs both. */
export function judgeLicences(lock: Lock): string[] {
  return Object.entries(lock.packages)
    .filter(([path, { license, dev }]) => path !== "" && !isAccepted(license ?? "", dev === true))
    .map(([path, { license, version }]) => `${path}@${version}: licence ${license ?? "unknown"}`);
}

function isAccepted(expression: string, development: boolean): boolean {
  const licences = development ? acceptedForDevelopment : accepted;
  return expression
    .replace(/[()]/g, "")
    .split(" OR ")
    .some((choice) => choice.split(" AND ").every((name) => licences.has(name.trim())));
}

export function checkLicences(): string[] {
  return judgeLicences(JSON.parse(readFileSync(join(root, "package-lock.json"), "utf8")));
}
