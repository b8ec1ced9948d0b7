import { compileSeccomp } from "../../../runtime/index.ts";
import { DEFAULT_CAPABILITIES } from "../capabilities.ts";
import { defaultProfile } from "./default-profile.ts";

/** The text of `default-filter.gen.ts`: the default profile for the default capabilities on x86-64, compiled. */
export function generateDefaultFilter(): string {
  const { program, flags } = compileSeccomp(defaultProfile(DEFAULT_CAPABILITIES, "x64"), "X86_64");
  return `// Written by scripts/generate.ts from default-profile.ts.
// biome-ignore format: one long text
export const DEFAULT_FILTER = { flags: ${flags}, program: "${Buffer.from(program).toString("base64")}" } as const;
`;
}
