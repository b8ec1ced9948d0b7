import { CortenError } from "../../spec/index.ts";

const POINTER = "/linux/cgroupsPath";

/** Where a container is among systemd's units. */
export interface UnitPlace {
  /** Such as `machine.slice`. */
  readonly slice: string;
  /** Such as `corten-demo.scope`. */
  readonly unit: string;
}

function refused(text: string, why: string): CortenError {
  return new CortenError("invalid-argument", `config.json: ${POINTER}: "${text}": ${why}`, {
    pointer: POINTER,
    hint: "with --systemd-cgroup it is SLICE:PREFIX:NAME, such as system.slice:corten:demo",
  });
}

/**
 * Reads a `cgroupsPath` of the form SLICE:PREFIX:NAME. Without one the scope is `corten-ID.scope`, in `system.slice`
 * or, of a user's systemd, in `user.slice`.
 *
 * @throws invalid-argument for any other form, and for names that systemd does not take
 */
export function unitPlace(cgroupsPath: string | undefined, id: string, user: boolean): UnitPlace {
  const text = cgroupsPath ?? "";
  const parts = text === "" ? ["", "corten", id] : text.split(":");
  if (parts.length !== 3) throw refused(text, "must be SLICE:PREFIX:NAME");
  const [slice = "", prefix = "", name = ""] = parts;
  if (name === "") throw refused(text, "names no unit");
  const place = {
    slice: slice === "" ? (user ? "user.slice" : "system.slice") : slice,
    unit: `${escapeUnit(prefix === "" ? name : `${prefix}-${name}`)}.scope`,
  };
  if (place.unit.length > 255) throw refused(text, "is longer than systemd's 255 characters");
  if (!/^(?:-|[A-Za-z0-9:_.\\]+(?:-[A-Za-z0-9:_.\\]+)*)\.slice$/.test(place.slice)) {
    throw refused(text, `"${place.slice}" is no name of a slice`);
  }
  return place;
}

/** What a unit's name cannot hold becomes \xNN, as systemd-escape writes it. */
function escapeUnit(name: string): string {
  return name.replace(/[^A-Za-z0-9:_.\\-]/g, (letter) =>
    [...new TextEncoder().encode(letter)].map((byte) => `\\x${byte.toString(16).padStart(2, "0")}`).join(""),
  );
}

/** The object path of a unit: every byte but letters and digits becomes _NN. */
export function unitPath(unit: string): string {
  const escaped = unit.replace(
    /[^A-Za-z0-9]|^\d/g,
    (letter) => `_${letter.charCodeAt(0).toString(16).padStart(2, "0")}`,
  );
  return `/org/freedesktop/systemd1/unit/${escaped}`;
}
