import type { RunOptions } from "../../../runtime/index.ts";
import type { RuntimeSeccomp } from "../../../spec/index.ts";
import { DEFAULT_CAPABILITIES } from "../capabilities.ts";
import { DEFAULT_FILTER } from "./default-filter.gen.ts";
import { defaultProfile } from "./default-profile.ts";

/**
 * The filter of the default profile with the default capabilities, compiled when Corten was built: compiling takes
 * longer than the rest of a start. Any other profile, such as one stored by another version, gives nothing and is
 * compiled by the runtime.
 */
export function readyFilter(profile: RuntimeSeccomp | undefined): Pick<RunOptions, "filter"> {
  if (profile === undefined || process.arch !== "x64") return {};
  if (JSON.stringify(profile) !== JSON.stringify(defaultProfile(DEFAULT_CAPABILITIES))) return {};
  return { filter: { program: Buffer.from(DEFAULT_FILTER.program, "base64"), flags: DEFAULT_FILTER.flags } };
}
