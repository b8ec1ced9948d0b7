import { readFile } from "node:fs/promises";
import { CortenError, JsonView } from "../../../spec/index.ts";

const MAX_FILE = 1024 * 1024;

/**
 * A TOML file as a view whose faults name the file and the key. The parser is loaded only when there is a file.
 *
 * @returns undefined when the file does not exist
 * @throws failed-precondition when it cannot be read or is not TOML
 */
export async function readToml(path: string): Promise<JsonView | undefined> {
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ENOTDIR") return undefined;
    throw new CortenError("failed-precondition", `cannot read ${path}: ${code}`, { cause });
  }
  if (text.length > MAX_FILE) throw new CortenError("failed-precondition", `${path} is too large`);
  return new JsonView(await parseToml(text, path), path);
}

async function parseToml(text: string, path: string): Promise<unknown> {
  const { parse, TomlError } = await import("smol-toml");
  try {
    return parse(text);
  } catch (cause) {
    if (!(cause instanceof TomlError)) throw cause;
    const [why] = cause.message.split("\n", 1);
    throw new CortenError("failed-precondition", `${path}, line ${cause.line}: ${why}`, { cause });
  }
}
