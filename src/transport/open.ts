import type { Reference } from "../spec/index.ts";
import { CortenError, DEFAULT_REGISTRY } from "../spec/index.ts";
import type { Place } from "./address.ts";
import { parsePlace, printPlace } from "./address.ts";
import type { ArchiveKind, ArchiveSet } from "./archive-file/archive-set.ts";
import type { ImageSink, ImageSource } from "./place.ts";
import type { RegistryOptions } from "./registry/options.ts";
import type { RegistryRepository } from "./registry/repository.ts";
import type { FoundRepository, SearchOptions } from "./registry/search.ts";

/** Options of {@link resolveShortName}. */
export interface ShortNameOptions extends Pick<RegistryOptions, "registriesConf" | "environment"> {
  /** Asks the user which of several images is meant. Default: there is nobody to ask. */
  readonly choose?: (text: string, references: readonly Reference[]) => Promise<Reference>;
}

/** Options of {@link openSource}. */
export interface OpenOptions {
  /** How registries are reached; other places ignore it. */
  readonly registry?: RegistryOptions;
  /** Environment of the program that reaches another engine's store. Default: `process.env`. */
  readonly environment?: Readonly<Record<string, string | undefined>>;
  readonly signal?: AbortSignal;
}

/** Options of {@link openSink}. */
export interface OpenSinkOptions extends OpenOptions {
  /**
   * Further names of the image in a layout or archive: names as they stand behind the path, in a
   * docker-archive references.
   */
  readonly additionalNames?: readonly string[];
}

/**
 * What a name that a user typed means, in the order in which it is to be looked for.
 *
 * @throws failed-precondition when it could mean several images, registries.conf does not allow to guess, and there is nobody to
 *   choose
 */
export async function resolveShortName(
  text: string,
  options: ShortNameOptions = {},
): Promise<readonly Reference[]> {
  const { shortNameCandidates } = await import("./registry/configuration/short-name.ts");
  const { registriesConf, environment = process.env, choose } = options;
  return shortNameCandidates(text, { registriesConf, environment }, choose);
}

/** All that a name that a user typed may mean, whether it has to be chosen from or not. */
export async function shortNameMeanings(
  text: string,
  options: Omit<ShortNameOptions, "choose"> = {},
): Promise<readonly Reference[]> {
  const { readShortName } = await import("./registry/configuration/short-name.ts");
  const { registriesConf, environment = process.env } = options;
  return (await readShortName(text, { registriesConf, environment })).references;
}

/**
 * Remembers what a user has chosen for a short name, where Podman does so as well. Nobody is asked for that name again.
 *
 * @throws failed-precondition when the file cannot be written
 */
export async function rememberShortName(
  text: string,
  reference: Reference,
  environment: NonNullable<RegistryOptions["environment"]> = process.env,
): Promise<void> {
  const { shortNameAliasesFile } = await import("./registry/configuration/alias-file.ts");
  const { writeShortNameAlias } = await import("./registry/configuration/short-name-aliases.ts");
  const path = shortNameAliasesFile(environment, process.geteuid?.() ?? -1);
  if (path !== undefined) await writeShortNameAlias(path, text, reference);
}

/**
 * Opens a place to read an image from. A registry is not contacted before the first call; a file or
 * directory is opened now.
 *
 * @param place a {@link Place}, or its text as {@link parsePlace} reads it
 * @throws invalid-argument for a text that is no place; not-found when the path does not exist
 */
export async function openSource(place: Place | string, options: OpenOptions = {}): Promise<ImageSource> {
  const at = typeof place === "string" ? parsePlace(place) : place;
  // Each place is loaded when it is used: an HTTP client is not part of reading a directory.
  switch (at.kind) {
    case "registry": {
      const { openRegistrySource } = await import("./registry/index.ts");
      return openRegistrySource(at.reference, options.registry);
    }
    case "layout": {
      const { LayoutDirectory } = await import("./layout/directory.ts");
      const { LayoutSource } = await import("./layout/source.ts");
      const directory = await LayoutDirectory.open(printPlace(at), at.path, { create: false });
      return new LayoutSource(directory, at.index ?? at.ref);
    }
    case "directory": {
      const { LayoutDirectory } = await import("./layout/directory.ts");
      const { DirectorySource } = await import("./directory/source.ts");
      return new DirectorySource(await LayoutDirectory.open(printPlace(at), at.path, { create: false }));
    }
    case "oci-archive": {
      const { TarFile } = await import("./archive-file/tar-file.ts");
      const { LayoutSource } = await import("./layout/source.ts");
      return new LayoutSource(await TarFile.open(printPlace(at), at.path), at.index ?? at.ref);
    }
    case "docker-archive": {
      const { TarFile } = await import("./archive-file/tar-file.ts");
      const { DockerArchiveSource } = await import("./archive-file/docker-source.ts");
      const file = await TarFile.open(printPlace(at), at.path);
      return new DockerArchiveSource(file.followingSymlinks(), at.index ?? at.ref);
    }
    case "containers-storage":
    case "docker-daemon": {
      const { openForeignSource } = await import("./foreign/source.ts");
      return openForeignSource(at, options);
    }
  }
}

/**
 * Opens a place to write an image to. Directories and files are created; nothing stands under the
 * place's name before the sink's `commit`.
 *
 * @throws invalid-argument for a text that is no place, and for names that the place cannot hold
 */
export async function openSink(place: Place | string, options: OpenSinkOptions = {}): Promise<ImageSink> {
  const at = typeof place === "string" ? parsePlace(place) : place;
  const names = namesAt(at, options.additionalNames ?? []);
  switch (at.kind) {
    case "registry": {
      const { openRegistrySink } = await import("./registry/index.ts");
      return openRegistrySink(at.reference, options.registry);
    }
    case "layout": {
      const { LayoutDirectory } = await import("./layout/directory.ts");
      const { LayoutSink } = await import("./layout/sink.ts");
      return new LayoutSink(await LayoutDirectory.open(printPlace(at), at.path, { create: true }), names);
    }
    case "directory": {
      const { LayoutDirectory } = await import("./layout/directory.ts");
      const { DirectorySink } = await import("./directory/sink.ts");
      return new DirectorySink(await LayoutDirectory.open(printPlace(at), at.path, { create: true }));
    }
    case "oci-archive":
    case "docker-archive": {
      const { openArchiveSink } = await import("./archive-file/archive-set.ts");
      return openArchiveSink(printPlace(at), at.kind, at.path, names);
    }
    case "containers-storage":
    case "docker-daemon": {
      const { openForeignSink } = await import("./foreign/sink.ts");
      return openForeignSink(at, options);
    }
  }
}

/** All names that the image is to have at a place. */
function namesAt(place: Place, additional: readonly string[]): readonly string[] {
  if ("index" in place && place.index !== undefined) {
    throw new CortenError("invalid-argument", `${printPlace(place)}: an image is not written to a position`, {
      hint: "name it behind the path",
    });
  }
  if (additional.length > 0 && !("path" in place && place.kind !== "directory")) {
    throw new CortenError("invalid-argument", `${printPlace(place)}: it takes no additional names`);
  }
  return [...("ref" in place && place.ref !== undefined ? [place.ref] : []), ...additional];
}

/** The repository of a registry that `reference` is in, to list and delete. Nothing is sent before the first call. */
export async function openRepository(
  reference: Reference,
  options: RegistryOptions = {},
): Promise<RegistryRepository> {
  const { openRegistryRepository } = await import("./registry/index.ts");
  return openRegistryRepository(reference, options);
}

/** Looks for repositories of a registry. @see the options; throws what the registry's refusal means */
export async function searchImages(
  registry: string,
  text: string,
  options: SearchOptions,
): Promise<readonly FoundRepository[]> {
  const { searchRegistry } = await import("./registry/search.ts");
  return searchRegistry(registry, text, options);
}

/** The registries in which names without a host are looked for. */
export async function registriesToSearch(
  options: Omit<ShortNameOptions, "choose"> = {},
): Promise<readonly string[]> {
  const { readRegistriesConf } = await import("./registry/configuration/registries-conf.ts");
  const { registriesConf, environment = process.env } = options;
  const conf = await readRegistriesConf({ registriesConf, environment });
  return conf === undefined || conf.search.length === 0 ? [DEFAULT_REGISTRY] : conf.search;
}

/**
 * A tar archive to write several images to, each through a sink of its own; it gets its name in `finish`.
 *
 * @throws invalid-argument when the directory does not exist or cannot be written to
 */
export async function openArchive(kind: ArchiveKind, path: string): Promise<ArchiveSet> {
  const archives = await import("./archive-file/archive-set.ts");
  return archives.ArchiveSet.create(printPlace({ kind, path }), kind, path);
}
