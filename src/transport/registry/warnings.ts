/** Something that a registry wants its users to read: a repository that goes away, a policy that will come. */
export interface RegistryWarning {
  /** The registry's host. */
  readonly registry: string;
  readonly text: string;
}

/** Longest sum of warnings in one answer (distribution-spec, "Warnings"); what is longer is no warning to show. */
const MAX_LENGTH = 4096;
/** Different warnings that are told: a registry could send another one with each answer. */
const MAX_WARNINGS = 32;
const WARNING = /^[ \t]*299 - "((?:[^"\\]|\\.)*)"[ \t]*(?:,|$)/;

/**
 * The texts of a `Warning` header. Only warnings of the form `299 - "text"` count: others come from caches on the way,
 * and with a date one text would look new each time (distribution-spec, "Warnings").
 */
export function parseWarnings(header: string): readonly string[] {
  if (header.length > MAX_LENGTH) return [];
  const texts: string[] = [];
  for (let rest = header; rest !== ""; ) {
    const match = WARNING.exec(rest);
    if (match === null) return texts;
    rest = rest.slice(match[0].length);
    // Control characters are removed, for the text goes to a terminal.
    const text = match[1]!.replace(/\\(.)/g, "$1").replace(/[^\x20-\x7e\u00a0-\u{10ffff}]+/gu, " ");
    if (text.trim() !== "") texts.push(text.trim());
  }
  return texts;
}

/** Tells each warning of a registry once. */
export class Warnings {
  readonly #tell: (warning: RegistryWarning) => void;
  readonly #told = new Set<string>();

  constructor(tell: (warning: RegistryWarning) => void = () => {}) {
    this.#tell = tell;
  }

  /** Looks at the `Warning` header of an answer. */
  see(registry: string, header: string | undefined): void {
    if (header === undefined) return;
    for (const text of parseWarnings(header)) {
      const key = `${registry} ${text}`;
      if (this.#told.has(key) || this.#told.size === MAX_WARNINGS) continue;
      this.#told.add(key);
      this.#tell({ registry, text });
    }
  }
}
