import { join } from "node:path";
import type { ForeignPlace } from "../address.ts";
import { printPlace } from "../address.ts";
import type { OpenOptions } from "../open.ts";
import type { ImageSource } from "../place.ts";
import { findProgram, runProgram } from "./program.ts";
import { temporaryDirectory } from "./temporary.ts";

/**
 * An image out of another engine's store. Its program writes it into a temporary directory, which goes
 * when the source is let go of. The layers lie unpacked there, so that engine packs them anew.
 *
 * @throws failed-precondition when the program is missing or fails
 */
export async function openForeignSource(place: ForeignPlace, options: OpenOptions): Promise<ImageSource> {
  const { environment = process.env, signal } = options;
  const name = printPlace(place);
  const run = (program: string, args: readonly string[]) =>
    runProgram(program, args, `read ${name}`, { environment, signal });
  const directory = await temporaryDirectory();
  let inner: ImageSource;
  try {
    inner = await write(place, directory.path, run, environment);
  } catch (error) {
    await directory[Symbol.asyncDispose]();
    throw error;
  }
  return {
    name,
    root: (call) => inner.root(call),
    manifest: (descriptor, call) => inner.manifest(descriptor, call),
    blob: (descriptor, call) => inner.blob(descriptor, call),
    async [Symbol.asyncDispose]() {
      await inner[Symbol.asyncDispose]();
      await directory[Symbol.asyncDispose]();
    },
  };
}

async function write(
  place: ForeignPlace,
  directory: string,
  run: (program: string, args: readonly string[]) => Promise<void>,
  environment: Readonly<Record<string, string | undefined>>,
): Promise<ImageSource> {
  const { openSource } = await import("../open.ts");
  const path = join(directory, "image");
  if (place.kind === "docker-daemon") {
    await run(await findProgram(["docker"], environment), ["save", "--output", path, place.name]);
    return openSource({ kind: "docker-archive", path });
  }
  const program = await findProgram(["skopeo", "podman"], environment);
  if (program === "skopeo") await run(program, ["copy", "--quiet", printPlace(place), `oci:${path}:image`]);
  else await run(program, ["push", "--quiet", place.name, `oci:${path}:image`]);
  return openSource({ kind: "layout", path });
}
