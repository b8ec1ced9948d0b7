import type { VersionRange } from "../../spec/index.ts";
import { CortenError, JsonView, parseReference, parseVersionRange } from "../../spec/index.ts";
import type { RegistryOptions } from "../../transport/index.ts";

const MAX_SIZE = 4 * 1024 * 1024;
const FIELDS = ["images", "images-by-tag-regex", "images-by-semver", "credentials", "tls-verify", "cert-dir"];

/** Which images of one repository are wanted. */
export type Selection =
  /** All tags there are. */
  | { readonly kind: "all" }
  /** Tags and digests. */
  | { readonly kind: "named"; readonly names: readonly string[] }
  | { readonly kind: "matching"; readonly pattern: RegExp }
  | { readonly kind: "versions"; readonly range: VersionRange };

/** What is wanted of a repository. */
export interface RepositorySelection {
  /** Registry and repository, e.g. `quay.io/coreos/etcd`. */
  readonly name: string;
  readonly selection: Selection;
}

/** What is wanted of a registry, and how it is reached. */
export interface RegistrySelection {
  readonly registry: string;
  readonly repositories: readonly RepositorySelection[];
  readonly access: Pick<RegistryOptions, "credentials" | "insecure" | "certificateDirectory">;
}

/**
 * Reads a file of skopeo's sync (skopeo-sync(1)): registries, and for each the repositories with tags, regular
 * expressions or ranges of versions.
 *
 * @param what names the file in messages
 * @throws invalid-argument with the place of the fault, also for keys that are not known
 */
export async function parseSyncFile(text: string, what: string): Promise<readonly RegistrySelection[]> {
  if (text.length > MAX_SIZE) {
    throw new CortenError(
      "resource-exhausted",
      `${what} is ${text.length} characters, more than ${MAX_SIZE}`,
    );
  }
  const { parse } = await import("yaml");
  let value: unknown;
  try {
    // Every scalar is a text: the tag 1.10 is not the number 1.1.
    value = parse(text, { schema: "failsafe", maxAliasCount: 100, prettyErrors: true });
  } catch (cause) {
    const why = (cause as Error).message.split("\n", 1)[0];
    throw new CortenError("invalid-argument", `${what} is not valid YAML: ${why}`, { cause });
  }
  const view = new JsonView(value, what);
  return Object.keys(view.object()).map((registry) => readRegistry(registry, view.field(registry)));
}

function readRegistry(registry: string, view: JsonView): RegistrySelection {
  for (const name of Object.keys(view.object())) {
    if (!FIELDS.includes(name)) throw view.field(name).fault(`is none of ${FIELDS.join(", ")}`);
  }
  const repositories = [
    ...readRepositories(registry, view.field("images"), readNames),
    ...readRepositories(registry, view.field("images-by-tag-regex"), readPattern),
    ...readRepositories(registry, view.field("images-by-semver"), readRange),
  ];
  if (repositories.length === 0) throw view.fault("names no images");
  const credentials = view.field("credentials");
  const tls = view.field("tls-verify");
  const directory = view.field("cert-dir");
  return {
    registry,
    repositories,
    access: {
      ...(credentials.absent
        ? {}
        : {
            credentials: {
              username: credentials.field("username").string(),
              password: credentials.field("password").string(),
            },
          }),
      ...(tls.absent || readBoolean(tls) ? {} : { insecure: true }),
      ...(directory.absent ? {} : { certificateDirectory: directory.string() }),
    },
  };
}

function readRepositories(
  registry: string,
  view: JsonView,
  read: (view: JsonView) => Selection,
): RepositorySelection[] {
  if (view.absent) return [];
  return Object.keys(view.object()).map((repository) => {
    const field = view.field(repository);
    try {
      parseReference(`${registry}/${repository}`);
    } catch (cause) {
      throw field.fault(`is under a name that is no repository: ${(cause as Error).message}`);
    }
    return { name: `${registry}/${repository}`, selection: read(field) };
  });
}

/** An empty list, or nothing at all, is every tag. */
function readNames(view: JsonView): Selection {
  const names = view.absent || view.value === "" ? [] : view.strings();
  for (const [at, name] of names.entries()) {
    const text = name.includes(":") ? `example.com/x@${name}` : `example.com/x:${name}`;
    try {
      parseReference(text);
    } catch {
      throw view.items()[at]!.fault("is neither a tag nor a digest");
    }
  }
  return names.length === 0 ? { kind: "all" } : { kind: "named", names };
}

function readPattern(view: JsonView): Selection {
  try {
    return { kind: "matching", pattern: new RegExp(view.string()) };
  } catch (cause) {
    if (cause instanceof CortenError) throw cause;
    throw view.fault(`is not a regular expression: ${(cause as Error).message}`);
  }
}

function readRange(view: JsonView): Selection {
  try {
    return { kind: "versions", range: parseVersionRange(view.string()) };
  } catch (cause) {
    throw view.fault((cause as Error).message);
  }
}

function readBoolean(view: JsonView): boolean {
  const text = view.string();
  if (text === "true" || text === "false") return text === "true";
  throw view.fault("is neither true nor false");
}
