import { CortenError, type RuntimeConfig } from "../../spec/index.ts";
import { OTHER_SYSTEMS } from "./other-systems.ts";

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

/** Refuses what cannot be honoured in a whole configuration. */
export function refuseUnsupported(config: RuntimeConfig): void {
  // What a section of another system says is not for this one to leave out: the standard lets a document set it only
  // for its target, and "vm" asks for an isolation that namespaces are not.
  for (const system of Object.keys(OTHER_SYSTEMS)) {
    if (isSet((config as unknown as Record<string, unknown>)[system])) {
      refuse(
        `/${system}`,
        `a container of the platform "${system}"`,
        "remove the section, or use a runtime for that platform",
      );
    }
  }
}
