import { accessSync, constants } from "node:fs";
import { dirname, join } from "node:path";
import { CortenError } from "../spec/index.ts";

/** Files that Bun has put into a compiled executable appear below this directory. */
const EMBEDDED = "/$bunfs/";

/** True in the compiled executable, false when the sources run. */
function isCompiled(): boolean {
  return import.meta.dirname.startsWith(EMBEDDED);
}

/** `dist` of the repository, or the directory of the compiled executable. */
function installation(): string {
  return isCompiled() ? dirname(process.execPath) : join(import.meta.dirname, "../../dist");
}

/** Programs and data that belong to this installation, as absolute paths. */
export interface Programs {
  /** The executor of launch plans. */
  readonly init: string;
  /** The parent of engine containers. */
  readonly monitor: string;
  /** Tries what containers need of a kernel. */
  readonly probe: string;
  /** Directory of the images that come with Corten. */
  readonly images: string;
}

/** Where this installation keeps its programs. Nothing is looked up in PATH or taken from the environment. */
export function programs(): Programs {
  const base = installation();
  return {
    init: join(base, "native/corten-init"),
    monitor: join(base, "native/corten-monitor"),
    probe: join(base, "native/corten-probe"),
    images: join(base, "images"),
  };
}

/**
 * Checks that a program of {@link programs} can be executed.
 *
 * @throws not-found naming the file
 */
export function requireProgram(path: string): string {
  try {
    accessSync(path, constants.X_OK);
  } catch (cause) {
    throw new CortenError("not-found", `${path} is missing or cannot be executed`, {
      hint: isCompiled() ? "install the native programs beside the executable" : "run `npm run build` first",
      cause,
    });
  }
  return path;
}

/** The command (argv, first an absolute path) that runs this very program again. */
export function selfCommand(): readonly string[] {
  if (isCompiled()) return [process.execPath];
  return [process.execPath, join(import.meta.dirname, "../cli/main.ts")];
}
