import { CortenError } from "../../spec/index.ts";

/** bcrypt takes 2^cost rounds: at 16 one guess, or one login, takes six seconds. */
const MAX_COST = 16;

/** One user of an htpasswd file. */
export interface PasswordEntry {
  readonly hash: string;
  /** Marked with "!" before the hash, as in shadow(5): known, and refused. */
  readonly disabled: boolean;
}

/**
 * Parses an htpasswd file as Apache's `htpasswd -B` writes it: `name:hash`, `#` comments, empty lines. Only bcrypt
 * is accepted: the others (MD5, SHA-1, crypt, plain text) are guessed at millions of passwords a second.
 *
 * @throws failed-precondition that names file and line, never the hash
 */
export function parsePasswordFile(bytes: Uint8Array, path: string): ReadonlyMap<string, PasswordEntry> {
  const entries = new Map<string, PasswordEntry>();
  for (const [index, line] of new TextDecoder().decode(bytes).split(/\r?\n/).entries()) {
    if (line.trim() === "" || line.startsWith("#")) continue;
    const fault = (why: string, hint?: string): CortenError =>
      new CortenError(
        "failed-precondition",
        `${path}, line ${index + 1}: ${why}`,
        hint === undefined ? {} : { hint },
      );
    const colon = line.indexOf(":");
    if (colon < 1) throw fault("is not name:hash");
    const name = line.slice(0, colon);
    // Apache allows further fields after the hash and ignores them.
    const field = line
      .slice(colon + 1)
      .split(":")[0]!
      .trim();
    const disabled = field.startsWith("!");
    const hash = disabled ? field.slice(1) : field;
    const form = /^\$2[aby]\$(\d\d)\$[./A-Za-z0-9]{53}$/.exec(hash);
    if (form === null && !(disabled && hash === "")) {
      throw fault(
        `the hash of user "${name}" is not bcrypt`,
        `make it again with: corten registry password ${name}`,
      );
    }
    const cost = Number(form?.[1] ?? 4);
    if (cost < 4 || cost > MAX_COST)
      throw fault(`the hash of user "${name}" has cost ${cost}, not 4 to ${MAX_COST}`);
    if (entries.has(name)) throw fault(`user "${name}" occurs twice`);
    entries.set(name, { hash, disabled });
  }
  return entries;
}
