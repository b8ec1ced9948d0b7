import { mkdir, open, rename, rm } from "node:fs/promises";
import { dirname } from "node:path";
import type { Reference } from "../../../spec/index.ts";
import { CortenError } from "../../../spec/index.ts";
import { isLocation } from "./location.ts";
import { splitShortName } from "./short-name.ts";
import { readToml } from "./toml-file.ts";

/**
 * Remembers what the user means by a short name. Of two programs that do so at the same time one may be forgotten; the file is
 * whole at any moment.
 *
 * @param text the short name; its tag or digest does not count
 * @throws failed-precondition when the file cannot be read or written
 */
export async function writeShortNameAlias(path: string, text: string, reference: Reference): Promise<void> {
  const { name } = splitShortName(text);
  const target = `${reference.registry}/${reference.repository}`;
  // What the file cannot say stays a question.
  if (!isLocation(target)) return;
  const view = await readToml(path);
  const table = view?.field("aliases");
  const known = table === undefined || table.absent ? {} : table.map((value) => value.string());
  const aliases = { ...known, [name]: target };
  const lines = Object.entries(aliases).map(([key, value]) => `  ${quoted(key)} = ${quoted(value)}\n`);
  const temporary = `${path}.${process.pid}.${Math.random().toString(36).slice(2)}`;
  try {
    await mkdir(dirname(path), { recursive: true, mode: 0o700 });
    {
      await using file = await open(temporary, "wx", 0o600);
      await file.writeFile(`[aliases]\n${lines.join("")}`);
      await file.sync();
    }
    await rename(temporary, path);
  } catch (cause) {
    await rm(temporary, { force: true });
    const { code } = cause as NodeJS.ErrnoException;
    throw new CortenError("failed-precondition", `cannot write ${path}: ${code}`, { cause });
  }
}

/** A basic string of TOML, which is one of JSON where it holds no DEL. */
function quoted(text: string): string {
  return JSON.stringify(text).replaceAll("\x7f", "\\u007f");
}
