import { isTerminal, type Stream } from "./stream.ts";

/** Marks up text for a terminal; without colours each function returns its text. */
export interface Style {
  readonly bold: (text: string) => string;
  readonly dim: (text: string) => string;
  readonly red: (text: string) => string;
  readonly green: (text: string) => string;
  readonly yellow: (text: string) => string;
  readonly cyan: (text: string) => string;
}

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Whether text on a stream gets colours: FORCE_COLOR (anything but `0`) turns them on, NO_COLOR (not empty,
 * no-color.org) and TERM=dumb off; otherwise a terminal has them and a file has not.
 */
export function wantsColour(terminal: boolean, environment: Environment): boolean {
  const force = environment["FORCE_COLOR"];
  if (force !== undefined && force !== "") return force !== "0" && force !== "false";
  if (environment["NO_COLOR"]) return false;
  return terminal && environment["TERM"] !== "dumb";
}

/** The style for a stream of this process. */
export function styleOf(stream: Stream): Style {
  return createStyle(wantsColour(isTerminal(stream), process.env));
}

export function createStyle(colours: boolean): Style {
  const paint = (on: number, off: number) => (text: string) =>
    colours && text !== "" ? `\x1b[${on}m${text}\x1b[${off}m` : text;
  return {
    bold: paint(1, 22),
    dim: paint(2, 22),
    red: paint(31, 39),
    green: paint(32, 39),
    yellow: paint(33, 39),
    cyan: paint(36, 39),
  };
}

/**
 * Text from an image, a registry or a container as it may stand on a terminal: control characters, which could
 * move the cursor, recolour or retitle the window, are shown as escapes instead.
 */
export function printable(text: string): string {
  return text.replace(
    /[\u0000-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}
