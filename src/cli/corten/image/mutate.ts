import { createReadStream, statSync } from "node:fs";
import { basename } from "node:path";
import type { ImagePlace, Mutation, NewLayer, Rebase } from "../../../image/index.ts";
import { mutateImage, parsePlatform, readSourceImage, referenceAt } from "../../../image/index.ts";
import type { Platform } from "../../../spec/index.ts";
import { CortenError, isDateTime } from "../../../spec/index.ts";
import type { Values } from "../../command/option.ts";
import type { CortenCall } from "../table/globals.ts";
import type { mutateOptions } from "../table/image-tools.ts";
import { given, pairsOf, wordsOf } from "./words.ts";
import type { Derivation } from "./write-derived.ts";
import { writeDerived } from "./write-derived.ts";

type Options = Values<typeof mutateOptions>;

/** `corten image mutate SOURCE DESTINATION` */
export async function run(call: CortenCall<typeof mutateOptions>): Promise<number> {
  const { options } = call;
  const edits = editsOf(options);
  const bases = basesOf(options);
  const { all } = options;
  const platform = options.platform === undefined ? {} : { platform: parsePlatform(options.platform) };
  return writeDerived(call, async (derivation) => {
    const { source, bench, signal } = derivation;
    const rebase = bases === undefined ? {} : { rebase: await rebaser(derivation, bases) };
    return mutateImage(source, bench, { ...edits, ...rebase }, { all, signal, ...platform });
  });
}

function editsOf(options: Options): Mutation {
  const labels = pairsOf("label", options.label);
  const annotations = pairsOf("annotation", options.annotation);
  const entrypoint = wordsOf("entrypoint", options.entrypoint);
  const cmd = wordsOf("cmd", options.cmd);
  const env = given(options.env);
  const exposedPorts = given(options["exposed-ports"]);
  const volumes = given(options.volume);
  const created = createdOf(options);
  const { user, workdir, "stop-signal": stopSignal, "set-platform": platform } = options;
  return {
    flatten: options.flatten,
    rewriteTimestamps: options["rewrite-timestamp"],
    append: options.append.map(layerFile),
    ...(labels && { labels }),
    ...(annotations && { annotations }),
    ...(entrypoint && { entrypoint }),
    ...(cmd && { cmd }),
    ...(env && { env }),
    ...(exposedPorts && { exposedPorts }),
    ...(volumes && { volumes }),
    ...(created && { created }),
    ...(user !== undefined && { user }),
    ...(workdir !== undefined && { workingDir: workdir }),
    ...(stopSignal !== undefined && { stopSignal }),
    ...(platform !== undefined && { platform: parsePlatform(platform) }),
  };
}

/** A layer is read more than once, which a pipe cannot be. */
function layerFile(path: string): NewLayer {
  if (statSync(path, { throwIfNoEntry: false })?.isFile() !== true) {
    throw new CortenError("invalid-argument", `--append ${path}: there is no such regular file`);
  }
  return { name: basename(path), open: () => createReadStream(path) };
}

function createdOf({ created, "source-date-epoch": epoch }: Options): Date | undefined {
  if (created === undefined) return epoch === undefined ? undefined : new Date(epoch * 1000);
  if (!isDateTime(created)) {
    throw new CortenError("invalid-argument", `--created "${created.slice(0, 100)}" is no time of RFC 3339`, {
      hint: "write it as 2026-01-31T12:00:00Z",
    });
  }
  return new Date(created);
}

function basesOf({ rebase }: Options): readonly [string, string] | undefined {
  if (rebase.length === 0) return undefined;
  const [before, after] = rebase;
  if (rebase.length === 2) return [before!, after!];
  throw new CortenError("invalid-argument", "--rebase is given twice: the old base, and the new one");
}

async function rebaser(
  { open, signal }: Derivation,
  [before, after]: readonly [string, string],
): Promise<(platform: Platform) => Promise<Rebase>> {
  const [old, now] = [await open(before), await open(after)];
  const newBaseName = baseNameOf(now.place);
  return async (platform) => ({
    oldBase: await readSourceImage(old.source, { platform, signal }),
    newBase: await readSourceImage(now.source, { platform, signal }),
    ...(newBaseName === undefined ? {} : { newBaseName }),
  });
}

/** What an image is called wherever one reads the annotation; a layout's tag says nothing elsewhere. */
function baseNameOf(place: ImagePlace): string | undefined {
  return place.kind === "registry" || place.kind === "store" ? referenceAt(place) : undefined;
}
