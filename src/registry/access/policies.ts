import { isTag, type JsonView } from "../../spec/index.ts";
import { ACTIONS, type Action } from "./access.ts";
import { type Glob, matchesOne } from "./glob.ts";
import { choice, list, onlyFields, optional, patterns } from "./settings.ts";

/** Who a policy looks at. */
export interface Subject {
  /** Absent for anonymous. */
  readonly name?: string;
  readonly groups: readonly string[];
}

interface Rule {
  readonly repositories: readonly Glob[];
  readonly appliesTo: (subject: Subject) => boolean;
  readonly verbs: ReadonlySet<Action>;
  /** Tags that may be made, moved and removed; absent for all. */
  readonly tags: readonly Glob[] | undefined;
}

interface ImmutableTags {
  readonly repositories: readonly Glob[];
  readonly tags: readonly Glob[];
  readonly exceptGroups: readonly string[];
}

/**
 * What the administrator allows. Each rule adds to what is allowed and none takes away; what no rule allows is
 * denied. Immutable tags stand above the rules: whatever a rule says, they are neither moved nor removed.
 */
export class Policies {
  readonly #rules: readonly Rule[];
  readonly #immutable: readonly ImmutableTags[];

  private constructor(rules: readonly Rule[], immutable: readonly ImmutableTags[]) {
    this.#rules = rules;
    this.#immutable = immutable;
  }

  /**
   * Reads the settings `policies` and `immutableTags`, both lists that may be absent.
   *
   * @throws invalid-argument that names the key at fault
   */
  static read(policies: JsonView, immutableTags: JsonView): Policies {
    return new Policies(
      policies.absent ? [] : policies.items().map(readRule),
      immutableTags.absent ? [] : immutableTags.items().map(readImmutable),
    );
  }

  /**
   * May `subject` do this to `repository`, and to its tag where one is named? Without a tag "create" is about blobs
   * and manifests by digest, which whoever may make some tag needs; "delete" is about a blob or manifest itself,
   * which a rule for some tags does not give.
   */
  allow(subject: Subject, repository: string, action: Action, tag?: string): boolean {
    if (this.isFixed(subject, repository, action, tag)) return false;
    return this.#rules.some(
      (rule) =>
        rule.verbs.has(action) && coversTag(rule, action, tag) && this.#applies(rule, subject, repository),
    );
  }

  /** May `subject` do this with at least one tag? Then a token may be made for it. */
  allowSometimes(subject: Subject, repository: string, action: Action): boolean {
    return this.#rules.some((rule) => rule.verbs.has(action) && this.#applies(rule, subject, repository));
  }

  /** True when an immutable tag forbids it, whatever else would allow it. */
  isFixed(subject: Subject, repository: string, action: Action, tag: string | undefined): boolean {
    if (tag === undefined || (action !== "update" && action !== "delete")) return false;
    return this.#immutable.some(
      ({ repositories, tags, exceptGroups }) =>
        matchesOne(tags, tag) &&
        matchesOne(repositories, repository) &&
        !exceptGroups.some((group) => subject.groups.includes(group)),
    );
  }

  /** True when a rule gives something to whoever does not log in. */
  get admitsAnonymous(): boolean {
    return this.#rules.some((rule) => rule.appliesTo({ groups: [] }));
  }

  #applies(rule: Rule, subject: Subject, repository: string): boolean {
    return rule.appliesTo(subject) && matchesOne(rule.repositories, repository);
  }
}

function coversTag(rule: Rule, action: Action, tag: string | undefined): boolean {
  if (rule.tags === undefined || action === "read") return true;
  return tag === undefined ? action === "create" : matchesOne(rule.tags, tag);
}

function readRule(view: JsonView): Rule {
  onlyFields(view, ["repositories", "users", "groups", "authenticated", "anonymous", "verbs", "tags"]);
  const users = new Set(optional(view.field("users"), list) ?? []);
  const groups = optional(view.field("groups"), list) ?? [];
  const authenticated = optional(view.field("authenticated"), (field) => field.boolean()) ?? false;
  const anonymous = optional(view.field("anonymous"), (field) => field.boolean()) ?? false;
  if (users.size === 0 && groups.length === 0 && !authenticated && !anonymous) {
    throw view.fault("is for nobody", "name users or groups, or set authenticated or anonymous to true");
  }
  return {
    repositories: readGlobs(view.field("repositories")),
    // What anonymous may do, everybody may: else a user could do more after logging out.
    appliesTo: (subject) =>
      anonymous ||
      (subject.name !== undefined &&
        (authenticated || users.has(subject.name) || groups.some((group) => subject.groups.includes(group)))),
    verbs: new Set(
      view
        .field("verbs")
        .items()
        .map((verb) => choice(verb, ACTIONS)),
    ),
    tags: optional(view.field("tags"), readTagGlobs),
  };
}

function readImmutable(view: JsonView): ImmutableTags {
  onlyFields(view, ["repositories", "tags", "exceptGroups"]);
  return {
    repositories: readGlobs(view.field("repositories")),
    tags: readTagGlobs(view.field("tags")),
    exceptGroups: optional(view.field("exceptGroups"), list) ?? [],
  };
}

/** A list of patterns with at least one in it. */
export function readGlobs(view: JsonView): readonly Glob[] {
  if (view.items().length === 0) throw view.fault("is empty");
  return patterns(view);
}

function readTagGlobs(view: JsonView): readonly Glob[] {
  for (const item of view.items()) {
    // With its wildcards replaced by a letter a pattern that can match is a tag itself.
    if (!isTag(item.string().replaceAll("*", "a"))) throw item.fault("matches no tag");
  }
  return readGlobs(view);
}
