import { readFile, stat } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { CortenError, JsonView } from "../../spec/index.ts";
import { type RegistryConfig, readRegistryConfig } from "./registry-config.ts";

/** A configuration that is larger is none. */
const MAX_SIZE = 1024 * 1024;

/**
 * Reads a configuration file: YAML, of which JSON is a part. A key that occurs twice is an error, as is one
 * that nobody knows; paths in it are relative to its directory.
 *
 * @param root the storage's directory where the file names none
 * @throws invalid-argument, naming file and key; not-found
 */
export async function readConfigFile(path: string, root?: string): Promise<RegistryConfig> {
  const text = await readText(path);
  const { parse } = await import("yaml");
  let document: unknown;
  try {
    document = parse(text, { uniqueKeys: true, maxAliasCount: 100, logLevel: "error" });
  } catch (cause) {
    throw new CortenError("invalid-argument", `${path} is not YAML: ${(cause as Error).message}`, { cause });
  }
  const base = dirname(resolve(path));
  return readRegistryConfig(new JsonView(document, path), { base, ...(root === undefined ? {} : { root }) });
}

async function readText(path: string): Promise<string> {
  try {
    const { size } = await stat(path);
    if (size > MAX_SIZE) {
      throw new CortenError("invalid-argument", `${path} has ${size} bytes, more than ${MAX_SIZE}`);
    }
    return await readFile(path, "utf8");
  } catch (cause) {
    if (cause instanceof CortenError) throw cause;
    const { code: errno = "unknown" } = cause as NodeJS.ErrnoException;
    const code = errno === "ENOENT" ? "not-found" : "failed-precondition";
    throw new CortenError(code, `cannot read the configuration ${path}: ${errno}`, { cause, errno });
  }
}
