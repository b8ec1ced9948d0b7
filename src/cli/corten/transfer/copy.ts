import { writeFile } from "node:fs/promises";
import type { Conversion, CopyOptions } from "../../../image/index.ts";
import { copyBetween, parseImagePlace } from "../../../image/index.ts";
import { CortenError } from "../../../spec/index.ts";
import type { Values } from "../../command/option.ts";
import { print } from "../../terminal/stream.ts";
import { showTransfer } from "../images/transfer-progress.ts";
import { interruptible } from "../interruption.ts";
import type { CortenCall } from "../table/globals.ts";
import type { copyOptions } from "../table/transfer.ts";
import { accessOf, registryAccess } from "./access.ts";
import { keptUploads } from "./kept-uploads.ts";
import { lazyStore } from "./lazy-store.ts";
import { platformOf } from "./platform.ts";

type Options = Values<typeof copyOptions>;

/** `corten copy SOURCE DESTINATION` */
export async function run(call: CortenCall<typeof copyOptions>): Promise<number> {
  const { options } = call;
  const [from, to] = call.args.map(parseImagePlace);
  const retries = options["retry-times"];
  const convert = conversionOf(options);
  const selected = selectionOf(options);
  using lazy = lazyStore(call);
  const progress = await showTransfer(options.quiet, "copy");
  try {
    const root = await interruptible((signal) =>
      copyBetween(from!, to!, {
        ...selected,
        convert,
        signal,
        preserveDigests: options["preserve-digests"],
        parallel: options.parallel,
        additionalNames: options["additional-tag"],
        referrers: options.referrers,
        onProgress: progress.onProgress,
        ...(retries === undefined ? {} : { retryTimes: retries }),
        source: {
          store: lazy.open,
          registry: registryAccess(accessOf(options, "src"), progress.note, retries),
        },
        destination: {
          store: lazy.open,
          registry: {
            ...registryAccess(accessOf(options, "dest"), progress.note, retries),
            uploads: keptUploads(lazy.open, progress.note),
          },
        },
      }),
    );
    progress.finish();
    if (options.digestfile !== undefined) await writeFile(options.digestfile, root.descriptor.digest);
    print(root.descriptor.digest);
    return 0;
  } finally {
    progress.finish();
  }
}

function selectionOf(options: Options): Pick<CopyOptions, "multiArch" | "platform"> {
  const multiArch = options.all ? "all" : (options["multi-arch"] ?? "system");
  const platform = platformOf(options);
  const contradicted = options.all && (options["multi-arch"] ?? "all") !== "all";
  if (contradicted || (platform !== undefined && multiArch !== "system")) {
    throw new CortenError("invalid-argument", "the options ask for all platforms and for one");
  }
  return { multiArch, ...(platform === undefined ? {} : { platform }) };
}

function conversionOf(options: Options): Conversion {
  const format = options["dest-compress-format"];
  const packs = options["dest-compress"] || format !== undefined;
  const level = options["dest-compress-level"];
  if (options["dest-decompress"] && packs) {
    throw new CortenError("invalid-argument", "--dest-compress and --dest-decompress exclude each other");
  }
  if (level !== undefined && !packs) {
    throw new CortenError("invalid-argument", "--dest-compress-level needs --dest-compress-format");
  }
  if (level !== undefined && level > 9 && format !== "zstd") {
    throw new CortenError("invalid-argument", "gzip has the levels 1 to 9");
  }
  return {
    ...(options.format === undefined ? {} : { format: options.format }),
    ...(packs ? { compression: format ?? "gzip" } : {}),
    ...(options["dest-decompress"] ? { compression: "none" } : {}),
    ...(level === undefined ? {} : { level }),
  };
}
