import type { SectionBuilder } from "./builder.ts";
import { compileHooks } from "./hooks.ts";
import type { LaunchInput } from "./launch-input.ts";
import type { Register } from "./operation.ts";

/** What is removed when a container ends, or could not be made; `cover` is a mount over its root directory. */
export function compileCleanup(
  section: SectionBuilder,
  input: LaunchInput,
  cover: Register | undefined,
): void {
  if (input.keep === true) return;
  if (cover !== undefined) section.add("unmount", { mount: cover });
  for (const { path } of input.cgroups.groups) section.add("removeCgroup", { path, kill: 1 });
  for (const path of input.cleanupPaths ?? []) section.add("removeTree", { dir: null, path });
  section.add("removeTree", { dir: null, path: input.stateDirectory });
  compileHooks(section, input, "poststop", "stopped", true);
}
