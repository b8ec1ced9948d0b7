import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { defaultConfig, rootlessConfig } from "../../runtime/index.ts";
import { CortenError } from "../../spec/index.ts";
import type { OciCall, specOptions } from "./options.ts";

/** `corten-oci spec`: writes config.json; one that is there stays. */
export function run(call: OciCall<typeof specOptions>): number {
  const file = join(call.options.bundle ?? ".", "config.json");
  const { rootless } = call.options;
  const config = rootless ? rootlessConfig(process.geteuid!(), process.getegid!()) : defaultConfig();
  try {
    writeFileSync(file, JSON.stringify(config, undefined, "\t"), { flag: "wx", mode: 0o666 });
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (code === "EEXIST") {
      throw new CortenError("already-exists", `file ${file} exists, remove it first`, { cause });
    }
    if (code === "ENOENT") throw new CortenError("not-found", `no directory for ${file}`, { cause });
    throw cause;
  }
  return 0;
}
