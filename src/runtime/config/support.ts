import { CortenError, type RuntimeConfig } from "../../spec/index.ts";

/**
 * Settings of the standard that this runtime cannot honour are refused, each by name: a container that starts with
 * one of its settings silently left out is less isolated, or less able, than its maker was told.
 */
function refuse(pointer: string, what: string, hint?: string): never {
  throw new CortenError("unimplemented", `config.json: ${pointer}: ${what} is not supported`, {
    pointer,
    ...(hint === undefined ? {} : { hint }),
  });
}

/** True for a setting that says something: an empty object, array or string asks for nothing. */
function isSet(value: unknown): boolean {
  if (value === undefined || value === null || value === "") return false;
  return typeof value !== "object" || Object.keys(value).length > 0;
}

const OTHER_SYSTEMS = ["windows", "solaris", "vm", "zos", "freebsd"] as const;

/** Refuses what cannot be honoured in a whole configuration. */
export function refuseUnsupported(config: RuntimeConfig): void {
  for (const system of OTHER_SYSTEMS) {
    if (isSet((config as unknown as Record<string, unknown>)[system])) {
      refuse(`/${system}`, `a container of the platform "${system}"`);
    }
  }
  refuseLinuxSettings(config);
}

function refuseLinuxSettings({ linux }: RuntimeConfig): void {
  if (linux === undefined) return;
  const rest = [["intelRdt", "Intel RDT"]] as const;
  for (const [name, what] of rest) if (isSet(linux[name])) refuse(`/linux/${name}`, what);
}
