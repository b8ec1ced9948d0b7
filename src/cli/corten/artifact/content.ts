import { readFile } from "node:fs/promises";
import type { ArtifactContent, ArtifactFile } from "../../../image/index.ts";
import type { Annotations } from "../../../spec/index.ts";
import { CortenError, JsonView, parseStrictJson } from "../../../spec/index.ts";
import { parseAnnotations } from "../manifest/entry-settings.ts";

interface ContentOptions {
  readonly "artifact-type": string | undefined;
  readonly annotation: readonly string[];
  readonly "annotation-file": string | undefined;
}

/** What the command line says of an artifact that is to be made. */
export async function artifactContent(
  files: readonly string[],
  options: ContentOptions,
): Promise<ArtifactContent> {
  const path = options["annotation-file"];
  const said = path === undefined ? {} : await readAnnotations(path);
  const { $manifest = {}, $config, ...ofFiles } = said;
  const artifactType = options["artifact-type"];
  const created = sourceDate(process.env["SOURCE_DATE_EPOCH"]);
  return {
    files: files.map(fileWithType),
    annotations: { ...$manifest, ...parseAnnotations(options.annotation) },
    fileAnnotations: ofFiles,
    ...($config === undefined ? {} : { configAnnotations: $config }),
    ...(artifactType === undefined ? {} : { artifactType }),
    ...(created === undefined ? {} : { created }),
  };
}

/** `notes.md:text/markdown`; a colon at the end ends a name that has one. */
export function fileWithType(text: string): ArtifactFile {
  const colon = text.lastIndexOf(":");
  if (colon < 0) return { path: text };
  const mediaType = text.slice(colon + 1);
  const path = text.slice(0, colon);
  if (mediaType === "") return { path };
  if (/^[\w.+-]+\/[\w.+-]+$/.test(mediaType)) return { path, mediaType };
  throw new CortenError("invalid-argument", `"${mediaType}" of "${text.slice(0, 200)}" is not a media type`, {
    hint: "a name with a colon in it is written with one more at its end",
  });
}

async function readAnnotations(path: string): Promise<Readonly<Record<string, Annotations>>> {
  const bytes = await readFile(path).catch((cause) => {
    const { code } = cause as NodeJS.ErrnoException;
    throw new CortenError("not-found", `cannot read ${path}: ${code}`, { cause });
  });
  const view = new JsonView(parseStrictJson(bytes, path), path);
  return view.map((group) => group.map((value) => value.string()));
}

/** The time that builds which are to be repeatable set (reproducible-builds.org). */
function sourceDate(text: string | undefined): Date | undefined {
  if (text === undefined || text === "") return undefined;
  if (/^\d{1,11}$/.test(text)) return new Date(Number(text) * 1000);
  throw new CortenError(
    "invalid-argument",
    `SOURCE_DATE_EPOCH is "${text.slice(0, 40)}", not a number of seconds`,
  );
}
