import type { JsonView } from "../../spec/index.ts";
import { type Glob, matchesOne } from "../access/glob.ts";
import { readGlobs } from "../access/policies.ts";
import { onlyFields, optional } from "../access/settings.ts";
import type { TagState } from "../metadata/housekeeping.ts";
import { readDuration } from "./duration.ts";

/** Reasons for which a tag stays; with none of them, being named is the reason. */
export interface KeepTags {
  readonly tags: readonly Glob[];
  readonly mostRecentlyPushed: number | undefined;
  readonly mostRecentlyPulled: number | undefined;
  /** Milliseconds. */
  readonly pushedWithin: number | undefined;
  /** Milliseconds. */
  readonly pulledWithin: number | undefined;
}

/** What is kept of the repositories that a rule is for. */
export interface RetentionRule {
  readonly repositories: readonly Glob[];
  /** Undefined: all tags stay. */
  readonly keepTags: readonly KeepTags[] | undefined;
  /** Milliseconds after which manifests without a tag go; undefined: they stay. */
  readonly deleteUntagged: number | undefined;
  /** Milliseconds after which referrers go whose subject is gone; undefined: they stay. */
  readonly deleteReferrers: number | undefined;
}

/**
 * Tags that clients without the referrers API give to signatures and the like: `sha256-…`, with or without an ending.
 * They stay and go with the manifest that they name.
 */
const ATTACHMENT = /^((?:blake3|sha256)-[0-9a-f]{64}|sha512-[0-9a-f]{64,128})(?:\.[A-Za-z0-9._-]+)?$/;

/**
 * Reads the setting `retention`: a list of rules, of which the first one for a repository counts.
 *
 * @throws invalid-argument that names the key at fault
 */
export function readRetentionRules(view: JsonView): readonly RetentionRule[] {
  return view.absent ? [] : view.items().map(readRule);
}

function readRule(view: JsonView): RetentionRule {
  onlyFields(view, ["repositories", "keepTags", "deleteUntagged", "deleteReferrers"]);
  const rule = {
    repositories: readGlobs(view.field("repositories")),
    keepTags: optional(view.field("keepTags"), (field) => field.items().map(readKeepTags)),
    deleteUntagged: optional(view.field("deleteUntagged"), readDuration),
    deleteReferrers: optional(view.field("deleteReferrers"), readDuration),
  };
  if (rule.keepTags?.length === 0) {
    throw view
      .field("keepTags")
      .fault("is empty", 'all tags would go: leave it out, or keep { "tags": ["*"] }');
  }
  return rule;
}

function readKeepTags(view: JsonView): KeepTags {
  onlyFields(view, ["tags", "mostRecentlyPushed", "mostRecentlyPulled", "pushedWithin", "pulledWithin"]);
  const count = (name: string): number | undefined => optional(view.field(name), (field) => field.size());
  return {
    tags: readGlobs(view.field("tags")),
    mostRecentlyPushed: count("mostRecentlyPushed"),
    mostRecentlyPulled: count("mostRecentlyPulled"),
    pushedWithin: optional(view.field("pushedWithin"), readDuration),
    pulledWithin: optional(view.field("pulledWithin"), readDuration),
  };
}

/** The rule for a repository. */
export function ruleFor(rules: readonly RetentionRule[], repository: string): RetentionRule | undefined {
  return rules.find(({ repositories }) => matchesOne(repositories, repository));
}

/**
 * The tags that go.
 *
 * @param now milliseconds since 1970
 */
export function expiredTags(
  tags: readonly TagState[],
  keepTags: readonly KeepTags[],
  now: number,
): readonly TagState[] {
  const candidates = tags.filter(({ name }) => !ATTACHMENT.test(name));
  const kept = new Set<TagState>();
  for (const keep of keepTags) {
    const named = candidates.filter(({ name }) => matchesOne(keep.tags, name));
    for (const tag of keptOf(named, keep, now)) kept.add(tag);
  }
  return candidates.filter((tag) => !kept.has(tag));
}

function keptOf(named: readonly TagState[], keep: KeepTags, now: number): readonly TagState[] {
  const { mostRecentlyPushed, mostRecentlyPulled, pushedWithin, pulledWithin } = keep;
  const reasons = [mostRecentlyPushed, mostRecentlyPulled, pushedWithin, pulledWithin];
  if (reasons.every((reason) => reason === undefined)) return named;
  const pulled = named.filter((tag) => tag.pulled !== undefined);
  return [
    ...newest(named, mostRecentlyPushed ?? 0, (tag) => tag.pushed),
    ...newest(pulled, mostRecentlyPulled ?? 0, (tag) => tag.pulled ?? 0),
    ...named.filter((tag) => now - tag.pushed <= (pushedWithin ?? -1)),
    ...pulled.filter((tag) => now - (tag.pulled ?? 0) <= (pulledWithin ?? -1)),
  ];
}

/** The `count` newest; of two of one moment the later name, so that each look decides alike. */
function newest(
  tags: readonly TagState[],
  count: number,
  time: (tag: TagState) => number,
): readonly TagState[] {
  const later = (a: TagState, b: TagState): number => time(b) - time(a) || (a.name < b.name ? 1 : -1);
  return tags.toSorted(later).slice(0, count);
}

/** The digest that an attachment's tag names, when the tag is one; sha512 may be cut, so it is a beginning. */
export function attachmentSubject(tag: string): string | undefined {
  return ATTACHMENT.exec(tag)?.[1]?.replace("-", ":");
}
