import { CortenError } from "../../spec/index.ts";

/**
 * Checks a container's ID: it becomes the name of a directory and of a control group.
 *
 * @throws invalid-argument showing what was given
 */
export function checkId(id: string): string {
  if (!/^[A-Za-z0-9_+-][A-Za-z0-9_+.-]*$/.test(id) || id.length > 240) {
    throw new CortenError(
      "invalid-argument",
      `invalid container ID format: ${JSON.stringify(id.slice(0, 80))}`,
      {
        hint: "letters, digits and _ + . - are allowed, and it cannot begin with a dot",
      },
    );
  }
  return id;
}
