import { readFile, writeFile } from "node:fs/promises";
import type {
  RegistrySelection,
  SyncDestination,
  SyncReport,
  SyncResult,
  SyncStep,
} from "../../../image/index.ts";
import {
  destinationOf,
  findDirectoryImages,
  parseSyncFile,
  selectImages,
  syncImages,
} from "../../../image/index.ts";
import { CortenError, canonicalReference, parseReference } from "../../../spec/index.ts";
import type { RegistryOptions } from "../../../transport/index.ts";
import type { Values } from "../../command/option.ts";
import { print, printJson, write } from "../../terminal/stream.ts";
import { printError } from "../failure.ts";
import { interruptible } from "../interruption.ts";
import type { CortenCall } from "../table/globals.ts";
import type { syncOptions } from "../table/transfer.ts";
import { accessOf, registryAccess } from "./access.ts";
import { keptUploads } from "./kept-uploads.ts";
import { lazyStore } from "./lazy-store.ts";
import { platformOf } from "./platform.ts";

type Options = Values<typeof syncOptions>;

/** `corten sync SOURCE DESTINATION` */
export async function run(call: CortenCall<typeof syncOptions>): Promise<number> {
  const { args, options } = call;
  const [source, base] = args;
  const { src, dest, report: file, format } = options;
  if (src === undefined || dest === undefined) {
    throw new CortenError("invalid-argument", "--src and --dest say what SOURCE and DESTINATION are");
  }
  if (src === "dir" && dest === "dir") {
    throw new CortenError(
      "invalid-argument",
      "from directory to directory nothing has to be copied by Corten",
    );
  }
  const note = (text: string): void => write(2, `${text}\n`);
  const retries = options["retry-times"];
  const reading = registryAccess(accessOf(options, "src"), note, retries);
  const platform = platformOf(options);
  using lazy = lazyStore(call);
  const writing = registryAccess(accessOf(options, "dest"), note, retries);
  const report = await interruptible((signal) =>
    syncImages(
      stepsOf(source!, src, { kind: dest, base: base!, scoped: options.scoped }, options, reading, signal),
      {
        multiArch: options.all ? "all" : "system",
        convert: format === undefined ? {} : { format },
        referrers: options.referrers,
        preserveDigests: options["preserve-digests"],
        parallel: options.parallel,
        dryRun: options["dry-run"],
        keepGoing: options["keep-going"],
        destination: { registry: { ...writing, uploads: keptUploads(lazy.open, note) } },
        onResult: (result) => tell(result, options),
        signal,
        ...(platform === undefined ? {} : { platform }),
        ...(retries === undefined ? {} : { retryTimes: retries }),
      },
    ),
  );
  await writeReport(report, file);
  if (!options.quiet && file !== "-") print(summary(report));
  return report.failed > 0 ? 1 : 0;
}

async function* stepsOf(
  source: string,
  kind: NonNullable<Options["src"]>,
  destination: SyncDestination,
  options: Options,
  registry: RegistryOptions,
  signal: AbortSignal,
): AsyncGenerator<SyncStep, void, undefined> {
  if (kind === "dir") {
    for (const { place, name } of await findDirectoryImages(source)) {
      yield { from: place, to: destinationOf(destination, name), registry };
    }
    return;
  }
  const selections = kind === "yaml" ? await readSelections(source) : [selectionOf(source)];
  for await (const item of selectImages(selections, { registry, referrers: options.all, signal })) {
    if ("error" in item) yield { from: `docker://${item.repository}`, error: item.error };
    else {
      const to = destinationOf(destination, canonicalReference(item.place.reference));
      yield { from: item.place, to, registry: item.registry };
    }
  }
}

async function readSelections(path: string): Promise<readonly RegistrySelection[]> {
  const text = await readFile(path, "utf8").catch((cause) => {
    const { code } = cause as NodeJS.ErrnoException;
    throw new CortenError("not-found", `cannot read ${path}: ${code}`, { cause });
  });
  return parseSyncFile(text, path);
}

/** A repository, all of it; or one image of it where a tag or digest stands behind. */
function selectionOf(text: string): RegistrySelection {
  const { registry, repository, tag, digest } = parseReference(text.replace(/^docker:\/\//, ""));
  const name = `${registry}/${repository}`;
  const wanted = digest ?? (text.endsWith(`:${tag}`) ? tag : undefined);
  const selection =
    wanted === undefined ? ({ kind: "all" } as const) : ({ kind: "named", names: [wanted] } as const);
  return { registry, repositories: [{ name, selection }], access: {} };
}

function tell(result: SyncResult, { quiet, report }: Options): void {
  const { source, destination, status, error } = result;
  if (status === "failed") printError(`${source}: ${error?.message ?? "failed"}`);
  else if (!quiet && report !== "-") print(`${status} ${source} -> ${destination}`);
}

async function writeReport(report: SyncReport, file: string | undefined): Promise<void> {
  if (file === "-") printJson(report);
  else if (file !== undefined) await writeFile(file, `${JSON.stringify(report, undefined, 4)}\n`);
}

function summary({ copied, unchanged, planned, failed, complete }: SyncReport): string {
  const parts = [
    `${copied} copied`,
    `${unchanged} unchanged`,
    ...(planned > 0 ? [`${planned} planned`] : []),
    `${failed} failed`,
  ];
  return `${parts.join(", ")}${complete ? "" : "; stopped at the first failure (--keep-going goes on)"}`;
}
