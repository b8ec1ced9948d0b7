import type { JsonView } from "../../spec/index.ts";
import { isRepository } from "../../spec/index.ts";
import type { Glob } from "../access/glob.ts";
import { onlyFields, optional, patterns, text } from "../access/settings.ts";
import { REMOTE_KEYS, type RemoteRegistry, readRemote } from "./remote-registry.ts";

/** Another registry that gets what is pushed here. */
export interface ReplicaSettings extends RemoteRegistry {
  /** Repositories here. Default: all. */
  readonly repositories?: readonly Glob[];
  /** Tags. Default: all. */
  readonly tags?: readonly Glob[];
  /** What names begin with there, such as `backup/`. Default: nothing. */
  readonly prefix: string;
}

/**
 * Reads section `replicas`.
 *
 * @param path reads a field that is a path
 * @throws invalid-argument that names the key at fault
 */
export function readReplicas(view: JsonView, path: (field: JsonView) => string): readonly ReplicaSettings[] {
  return view.items().map((entry) => {
    onlyFields(entry, [...REMOTE_KEYS, "repositories", "tags", "prefix"]);
    const remote = readRemote(entry, path);
    const repositories = optional(entry.field("repositories"), patterns);
    const tags = optional(entry.field("tags"), patterns);
    const prefix = optional(entry.field("prefix"), text) ?? "";
    if (prefix !== "" && !isRepository(`${prefix}x`))
      throw entry
        .field("prefix")
        .fault(`is "${prefix}"`, "the begin of a repository's name, such as backup/");
    return {
      ...remote,
      prefix,
      ...(repositories === undefined ? {} : { repositories }),
      ...(tags === undefined ? {} : { tags }),
    };
  });
}
