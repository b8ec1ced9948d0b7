import type { Platform } from "../image.ts";
import type { Examined } from "./examined.ts";
import { shown } from "./finding.ts";

/** Go's GOOS, and `unknown`, which BuildKit's attestations have. */
const SYSTEMS: ReadonlySet<string> = new Set(
  "aix android darwin dragonfly freebsd illumos ios js linux netbsd openbsd plan9 solaris wasip1 windows zos unknown".split(
    " ",
  ),
);
/** Go's GOARCH, and `unknown`. */
const ARCHITECTURES: ReadonlySet<string> = new Set(
  "386 amd64 arm arm64 loong64 mips mips64 mips64le mipsle ppc64 ppc64le riscv64 s390x wasm unknown".split(
    " ",
  ),
);

/** Judges the platform of an index entry (image-index.md). @returns it, when it names both of its parts */
export function examinePlatform(view: Examined): Platform | undefined {
  if (view.object() === undefined) return undefined;
  const architecture = view.required("architecture")?.string();
  const os = view.required("os")?.string();
  view.optional("os.version")?.string();
  view.optional("os.features")?.strings();
  const variant = view.optional("variant")?.string();
  examineNames(view, os, architecture);
  if (architecture === undefined || os === undefined) return undefined;
  return { architecture, os, ...(variant === undefined ? {} : { variant }) };
}

/** Judges names of a platform, which both an index and a configuration have. */
export function examineNames(view: Examined, os: string | undefined, architecture: string | undefined): void {
  // An artifact may say nothing with an empty name; Docker's classic import does.
  if (os && !SYSTEMS.has(os)) view.field("os").report("platform-name", `is ${shown(os)}, no GOOS of Go`);
  if (architecture && !ARCHITECTURES.has(architecture)) {
    view.field("architecture").report("platform-name", `is ${shown(architecture)}, no GOARCH of Go`);
  }
}
