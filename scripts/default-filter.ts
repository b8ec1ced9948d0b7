import { DEFAULT_CAPABILITIES } from "../src/engine/spec/capabilities.ts";
import { defaultProfile } from "../src/engine/spec/seccomp/default-profile.ts";
import { compileSeccomp } from "../src/runtime/seccomp/compile.ts";

/** The text of `default-filter.gen.ts`: the default profile for the default capabilities on x86-64, compiled. */
export function generateDefaultFilter(): string {
  const { program, flags } = compileSeccomp(defaultProfile(DEFAULT_CAPABILITIES, "x64"), "X86_64");
  return `// Written by scripts/generate.ts from default-profile.ts.
// biome-ignore format: one long text
export const DEFAULT_FILTER = { flags: ${flags}, program: "${Buffer.from(program).toString("base64")}" } as const;
`;
}
