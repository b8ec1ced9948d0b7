import type { Conversion } from "../../../image/index.ts";
import { convertLayers, mutateImage, parsePlatform } from "../../../image/index.ts";
import { CortenError } from "../../../spec/index.ts";
import type { Values } from "../../command/option.ts";
import type { CortenCall } from "../table/globals.ts";
import type { convertOptions } from "../table/image-tools.ts";
import { given } from "./words.ts";
import { writeDerived } from "./write-derived.ts";

type Options = Values<typeof convertOptions>;

const PLAIN = ["gzip", "zstd", "none"] as const;
type Plain = (typeof PLAIN)[number];

/** `corten image convert SOURCE DESTINATION` */
export async function run(call: CortenCall<typeof convertOptions>): Promise<number> {
  const { options } = call;
  const { all, compression, level } = options;
  checkOptions(options);
  const platform = options.platform === undefined ? {} : { platform: parsePlatform(options.platform) };
  const prefetch = given(options.prefetch);
  return writeDerived(
    call,
    async ({ source, bench, signal }) => {
      const selected = { all, signal, ...platform };
      if (compression === undefined) return mutateImage(source, bench, {}, selected);
      return convertLayers(source, bench, {
        ...selected,
        ...(isPlain(compression) ? { storage: "archive", compression } : { storage: compression }),
        ...(level === undefined ? {} : { level }),
        ...(prefetch === undefined ? {} : { prefetch }),
      });
    },
    conversionOf(options),
  );
}

function isPlain(compression: string): compression is Plain {
  return PLAIN.some((plain) => plain === compression);
}

function conversionOf({ compression, format, level }: Options): Conversion {
  return {
    ...(format === undefined ? {} : { format: format === "docker" ? "v2s2" : "oci" }),
    ...(compression === undefined || !isPlain(compression) ? {} : { compression }),
    ...(level === undefined ? {} : { level }),
  };
}

function checkOptions({ compression, format, level, prefetch }: Options): void {
  if (compression === undefined && format === undefined) {
    throw new CortenError("invalid-argument", "nothing to convert to: give --compression or --format");
  }
  if (
    level !== undefined &&
    (compression === undefined || compression === "none" || compression === "erofs")
  ) {
    throw new CortenError("invalid-argument", `--level needs a --compression that has levels`);
  }
  if (level !== undefined && level > 9 && (compression === "gzip" || compression === "estargz")) {
    throw new CortenError("invalid-argument", "gzip has the levels 1 to 9");
  }
  if (prefetch.length > 0 && compression !== "estargz") {
    throw new CortenError("invalid-argument", "--prefetch needs --compression estargz");
  }
}
