import type { Descriptor, Digest } from "../../spec/index.ts";
import { splitDigest } from "../../spec/index.ts";
import type { RegistryRepository } from "../../transport/index.ts";
import { openRepository } from "../../transport/index.ts";
import { compileGlob, matchesOne } from "../access/glob.ts";
import type { Metadata } from "../metadata/metadata.ts";
import type { Limits } from "../options.ts";
import type { BlobStorage } from "../storage/blob-storage.ts";
import { ImageCopy } from "./image-copy.ts";
import type { MirrorSettings } from "./mirror-settings.ts";
import { reaching } from "./remote-registry.ts";

/** One image of a run that was not copied, or a repository that could not be listed. */
export interface MirrorFailure {
  readonly image: string;
  readonly error: string;
}

/** What a run did, to be read by programs. */
export interface MirrorReport {
  readonly mirror: string;
  readonly registry: string;
  /** Milliseconds. */
  readonly duration: number;
  readonly repositories: number;
  /** Images by tag: brought or moved, here already, left out for want of a signature. */
  readonly copied: number;
  readonly current: number;
  readonly unsigned: number;
  readonly blobs: number;
  readonly bytes: number;
  readonly failures: readonly MirrorFailure[];
}

/** What a run works with. */
export interface MirrorContext {
  readonly metadata: Metadata;
  readonly blobs: BlobStorage;
  readonly limits: Limits;
  readonly signal?: AbortSignal;
}

/** Types of what signs an image: Sigstore's bundle, cosign's and Notary's signatures. */
const SIGNATURES = new Set([
  "application/vnd.dev.sigstore.bundle.v0.3+json",
  "application/vnd.dev.cosign.artifact.sig.v1+json",
  "application/vnd.cncf.notary.signature",
]);

const COSIGN_TAG = /^sha(?:256|512)-[0-9a-f]{64,128}\.(?:sig|att|sbom)$/;

type Counts = {
  -readonly [Name in "repositories" | "copied" | "current" | "unsigned" | "blobs" | "bytes"]: number;
};

/**
 * Copies what a mirror names. One image or repository that fails is reported and keeps no other one back; tags that upstream
 * has no longer stay here.
 */
export async function runMirror(settings: MirrorSettings, context: MirrorContext): Promise<MirrorReport> {
  const started = performance.now();
  const counts: Counts = { repositories: 0, copied: 0, current: 0, unsigned: 0, blobs: 0, bytes: 0 };
  const failures: MirrorFailure[] = [];
  const fail = (image: string, error: unknown): void => {
    context.signal?.throwIfAborted();
    failures.push({ image, error: error instanceof Error ? error.message : String(error) });
  };
  for (const name of await repositoriesOf(settings, context, fail)) {
    counts.repositories++;
    const reference = { registry: settings.registry, repository: name };
    await using from = await openRepository(reference, reaching(settings));
    try {
      const tags = await tagsOf(from, context);
      const repository = `${settings.prefix}${name}`;
      for (const tag of tags) {
        if (!isMeant(settings, tag)) continue;
        try {
          await mirrorImage(settings, { ...context, from, repository, tag, tags }, counts);
        } catch (error) {
          fail(`${from.name}:${tag}`, error);
        }
      }
    } catch (error) {
      fail(from.name, error);
    }
  }
  const duration = Math.round(performance.now() - started);
  return { mirror: settings.name, registry: settings.registry, duration, ...counts, failures };
}

/** The repositories that are meant, patterns looked up in the registry's catalog. */
async function repositoriesOf(
  settings: MirrorSettings,
  { signal }: MirrorContext,
  fail: (image: string, error: unknown) => void,
): Promise<readonly string[]> {
  const named = settings.repositories.filter((name) => !name.includes("*"));
  const patterns = settings.repositories.filter((name) => name.includes("*"));
  if (patterns.length === 0) return named;
  const globs = patterns.map(compileGlob).filter((glob) => typeof glob !== "string");
  const found = new Set(named);
  try {
    await using catalog = await openRepository(
      { registry: settings.registry, repository: "catalog" },
      reaching(settings),
    );
    for await (const name of catalog.neighbours(signal === undefined ? {} : { signal }))
      if (matchesOne(globs, name)) found.add(name);
  } catch (error) {
    for (const pattern of patterns) fail(`${settings.registry}/${pattern}`, error);
  }
  return [...found];
}

async function tagsOf(from: RegistryRepository, { signal }: MirrorContext): Promise<ReadonlySet<string>> {
  return new Set(await Array.fromAsync(from.tags(signal === undefined ? {} : { signal })));
}

/** True for the tag of an image to mirror. What cosign keeps under tags of its own comes with the image that it is about. */
function isMeant({ tags, versions, referrers, onlySigned }: MirrorSettings, tag: string): boolean {
  if ((referrers || onlySigned) && COSIGN_TAG.test(tag)) return false;
  return (tags === undefined || matchesOne(tags, tag)) && (versions === undefined || versions.includes(tag));
}

interface ImageContext extends MirrorContext {
  readonly from: RegistryRepository;
  readonly repository: string;
  readonly tag: string;
  /** All tags of the other repository. */
  readonly tags: ReadonlySet<string>;
}

async function mirrorImage(settings: MirrorSettings, context: ImageContext, counts: Counts): Promise<void> {
  const { from, metadata, repository, tag, signal } = context;
  const call = signal === undefined ? {} : { signal };
  const digest = (await from.resolve(tag, call)) ?? (await from.document(tag, call)).descriptor.digest;
  const local = await metadata.manifest(repository, tag);
  if (settings.onlySigned && !(await isSigned(context, digest))) {
    counts.unsigned++;
    return;
  }
  const { platforms, referrers } = settings;
  const copy = new ImageCopy({ ...context, referrers, ...(platforms === undefined ? {} : { platforms }) });
  // Fetching an image again would count as a pull. Signatures come after what they sign: they are looked for each time.
  if (local?.digest !== digest || platforms !== undefined) await copy.run(digest, [tag]);
  else if (referrers) await copy.runReferrers(digest);
  if (local?.digest === digest && copy.counts.manifests === 0) counts.current++;
  else counts.copied++;
  counts.blobs += copy.counts.blobs;
  counts.bytes += copy.counts.bytes;
}

async function isSigned({ from, tags }: ImageContext, digest: Digest): Promise<boolean> {
  // Where cosign puts signatures in registries that know no referrers.
  if (tags.has(`${splitDigest(digest).join("-")}.sig`)) return true;
  return (await from.referrers(digest)).some(isSignature);
}

/** A bundle of Sigstore may as well be an attestation, which says something else of the image than that it is signed. */
function isSignature({ artifactType = "", annotations = {} }: Descriptor): boolean {
  if (!SIGNATURES.has(artifactType)) return false;
  const predicate = annotations["dev.sigstore.bundle.predicateType"];
  return predicate === undefined || predicate === "https://sigstore.dev/cosign/sign/v1";
}

/** A report in one line. */
export function describeMirrorReport(report: MirrorReport): string {
  const { mirror, copied, current, unsigned, bytes, failures } = report;
  const left = unsigned === 0 ? "" : `, ${unsigned} unsigned`;
  const failed =
    failures.length === 0 ? "" : `, ${failures.length} failed: ${failures[0]?.image}: ${failures[0]?.error}`;
  return `mirror ${mirror}: ${copied} copied (${bytes} bytes), ${current} current${left}${failed}`;
}
