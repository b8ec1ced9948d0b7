import { parsePlatform } from "../../image/index.ts";
import type { JsonView, Platform, VersionRange } from "../../spec/index.ts";
import { isCortenError, isRepository, parseVersionRange } from "../../spec/index.ts";
import type { Glob } from "../access/glob.ts";
import { list, onlyFields, optional, patterns, seconds, text } from "../access/settings.ts";
import { REMOTE_KEYS, type RemoteRegistry, readRemote } from "./remote-registry.ts";

/** Repositories of another registry that are copied into this one again and again. */
export interface MirrorSettings extends RemoteRegistry {
  /** How it is called in reports and on the command line. */
  readonly name: string;
  /** Repositories there. A pattern needs a registry that lists its repositories. */
  readonly repositories: readonly string[];
  /** What their names begin with here, such as `mirror/`. Default: nothing. */
  readonly prefix: string;
  /** Tags. Default: all that {@link MirrorSettings.versions} lets through. */
  readonly tags?: readonly Glob[];
  /** Tags that are versions in this range. Default: all tags. */
  readonly versions?: VersionRange;
  /** Of an index, the images for these platforms; the index itself stays as it is. Default: all. */
  readonly platforms?: readonly Platform[];
  /** Leave out images that have no signature (a Sigstore bundle, a cosign tag, or a Notary signature). */
  readonly onlySigned: boolean;
  /** Copy what refers to an image, too: signatures, SBOMs. */
  readonly referrers: boolean;
  /** Milliseconds between two runs; absent: on demand only. */
  readonly every?: number;
}

/**
 * Reads section `mirrors`.
 *
 * @param path reads a field that is a path
 * @throws invalid-argument that names the key at fault
 */
export function readMirrors(view: JsonView, path: (field: JsonView) => string): readonly MirrorSettings[] {
  const mirrors = view.items().map((entry) => readMirror(entry, path));
  for (const [index, { name }] of mirrors.entries())
    if (mirrors.findIndex((other) => other.name === name) !== index)
      throw view.fault(`has two entries named "${name}"`);
  return mirrors;
}

function readMirror(view: JsonView, path: (field: JsonView) => string): MirrorSettings {
  const own = [
    "name",
    "repositories",
    "prefix",
    "tags",
    "versions",
    "platforms",
    "onlySigned",
    "referrers",
    "every",
  ];
  onlyFields(view, [...REMOTE_KEYS, ...own]);
  const remote = readRemote(view, path);
  const repositories = list(view.field("repositories"));
  patterns(view.field("repositories")); // refuses those that are none
  if (repositories.length === 0) throw view.field("repositories").fault("is empty");
  const prefix = optional(view.field("prefix"), text) ?? "";
  if (prefix !== "" && !isRepository(`${prefix}x`))
    throw view.field("prefix").fault(`is "${prefix}"`, "the begin of a repository's name, such as mirror/");
  const tags = optional(view.field("tags"), patterns);
  const versions = optional(view.field("versions"), (field) => parsed(field, parseVersionRange));
  const platforms = optional(view.field("platforms"), (field) =>
    field.items().map((item) => parsed(item, parsePlatform)),
  );
  const every = optional(view.field("every"), (field) => 1000 * seconds(field, 60, 30 * 86_400));
  return {
    ...remote,
    name: optional(view.field("name"), text) ?? remote.registry,
    repositories,
    prefix,
    onlySigned: optional(view.field("onlySigned"), (field) => field.boolean()) ?? false,
    referrers: optional(view.field("referrers"), (field) => field.boolean()) ?? true,
    ...(tags === undefined ? {} : { tags }),
    ...(versions === undefined ? {} : { versions }),
    ...(platforms === undefined ? {} : { platforms }),
    ...(every === undefined ? {} : { every }),
  };
}

function parsed<T>(view: JsonView, parse: (text: string) => T): T {
  try {
    return parse(text(view));
  } catch (error) {
    if (isCortenError(error, "invalid-argument")) throw view.fault(`is wrong: ${error.message}`);
    throw error;
  }
}
