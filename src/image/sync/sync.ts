import type { Digest } from "../../spec/index.ts";
import { CortenError, isCortenError } from "../../spec/index.ts";
import type { Document, Place, RegistryOptions } from "../../transport/index.ts";
import { openSource, printPlace } from "../../transport/index.ts";
import { chooseFromSource } from "../choose-from-source.ts";
import type { CopyBetweenOptions } from "../copy/between.ts";
import { copyBetween, copyReferrersBetween } from "../copy/between.ts";

/** One image of a sync: where it is and where it goes; or what could not be found out. */
export type SyncStep =
  | {
      readonly from: Place;
      readonly to: Place;
      readonly registry: RegistryOptions;
    }
  | { readonly from: string; readonly error: unknown };

/** What has become of one image. */
export interface SyncResult {
  readonly source: string;
  readonly destination: string | null;
  /** `planned`: of a dry run. `unchanged`: the destination had it already. */
  readonly status: "copied" | "unchanged" | "planned" | "failed";
  readonly digest?: Digest;
  readonly error?: { readonly code: string; readonly message: string };
}

/** What has become of a sync; for programs. */
export interface SyncReport {
  readonly started: string;
  readonly finished: string;
  readonly copied: number;
  readonly unchanged: number;
  readonly planned: number;
  readonly failed: number;
  /** False where an image failed and the sync was not to go on after that. */
  readonly complete: boolean;
  readonly images: readonly SyncResult[];
}

/** Options of {@link syncImages}. */
export interface SyncOptions extends Omit<CopyBetweenOptions, "source" | "additionalNames"> {
  /** Say what would be copied, and copy nothing. */
  readonly dryRun?: boolean;
  /** Go on after an image that failed. Default: stop. */
  readonly keepGoing?: boolean;
  /** Called with each image as it comes along. */
  readonly onResult?: (result: SyncResult) => void;
}

/**
 * Copies images one after the other. An image that is at its destination already, under the same digest, is left
 * alone. Failures are part of the report, never thrown; only an abort is.
 */
export async function syncImages(
  steps: AsyncIterable<SyncStep> | Iterable<SyncStep>,
  options: SyncOptions = {},
): Promise<SyncReport> {
  const started = new Date().toISOString();
  const images: SyncResult[] = [];
  let complete = true;
  for await (const step of steps) {
    const result = await syncOne(step, options);
    images.push(result);
    options.onResult?.(result);
    if (result.status !== "failed" || options.keepGoing === true) continue;
    complete = false;
    break;
  }
  const count = (status: SyncResult["status"]) => images.filter((image) => image.status === status).length;
  return {
    started,
    finished: new Date().toISOString(),
    copied: count("copied"),
    unchanged: count("unchanged"),
    planned: count("planned"),
    failed: count("failed"),
    complete,
    images,
  };
}

async function syncOne(step: SyncStep, options: SyncOptions): Promise<SyncResult> {
  if ("error" in step) {
    return { source: step.from, destination: null, status: "failed", error: described(step.error) };
  }
  const { from, to, registry } = step;
  const names = { source: printPlace(from), destination: printPlace(to) };
  if (options.dryRun === true) return { ...names, status: "planned" };
  try {
    const present = await unchanged(step, options);
    if (present !== undefined) {
      const { digest } = present.descriptor;
      const both = { ...options, source: { registry } };
      const more = options.referrers === true ? await copyReferrersBetween(from, to, present, both) : 0;
      return { ...names, status: more > 0 ? "copied" : "unchanged", digest };
    }
    const { descriptor } = await copyBetween(from, to, { ...options, source: { registry } });
    return { ...names, status: "copied", digest: descriptor.digest };
  } catch (error) {
    options.signal?.throwIfAborted();
    return { ...names, status: "failed", error: described(error) };
  }
}

/** The document that both ends have already; undefined when they differ or a conversion is asked for. */
async function unchanged(
  { from, to, registry }: Extract<SyncStep, { readonly to: Place }>,
  options: SyncOptions,
): Promise<Document | undefined> {
  const { signal, convert = {}, destination = {}, platform, multiArch = "system" } = options;
  if (Object.keys(convert).length > 0 || to.kind === "directory") return undefined;
  const call = signal === undefined ? {} : { signal };
  let present: Digest;
  try {
    await using there = await openSource(to, { ...destination, ...call });
    present = (await there.root(call)).descriptor.digest;
  } catch (error) {
    // Not there, or not readable: the copy will tell what is wrong.
    if (error instanceof CortenError) return undefined;
    throw error;
  }
  await using source = await openSource(from, { registry, ...call });
  const root = await source.root(call);
  if (multiArch !== "system") return root.descriptor.digest === present ? root : undefined;
  const wanted = platform === undefined ? {} : { platform };
  const chosen = await chooseFromSource(source, root, { ...wanted, ...call });
  return chosen.descriptor.digest === present ? chosen : undefined;
}

function described(error: unknown): { readonly code: string; readonly message: string } {
  if (isCortenError(error)) return { code: error.code, message: error.message };
  return { code: "internal", message: error instanceof Error ? error.message : String(error) };
}
