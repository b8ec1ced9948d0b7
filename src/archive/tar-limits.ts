import { CortenError } from "../spec/index.ts";

/** Upper bounds on what an archive may ask of its reader. Exceeding one is `resource-exhausted`. */
export interface TarLimits {
  /** Entries in one archive. Default 4,000,000. */
  readonly entries?: number;
  /** Bytes of uncompressed archive. Default 1 TiB. */
  readonly totalBytes?: number;
  /** Bytes of one name. Default 4096, Linux's PATH_MAX. */
  readonly pathLength?: number;
  /** Bytes of one link target. Default 4096. */
  readonly linkLength?: number;
  /** Bytes of one PAX header or GNU long name. Default 1 MiB. */
  readonly metadataBytes?: number;
  /** Extended attributes of one entry. Default 256. */
  readonly xattrs?: number;
  /** Bytes of names and values of one entry's extended attributes. Default 256 KiB. */
  readonly xattrBytes?: number;
  /** Data segments of one sparse file. Default 65,536. */
  readonly sparseSegments?: number;
  /** Length of one file, holes included. Default 8 TiB. */
  readonly fileSize?: number;
}

export const DEFAULT_TAR_LIMITS: Required<TarLimits> = {
  entries: 4_000_000,
  totalBytes: 2 ** 40,
  pathLength: 4096,
  linkLength: 4096,
  metadataBytes: 2 ** 20,
  xattrs: 256,
  xattrBytes: 2 ** 18,
  sparseSegments: 65_536,
  fileSize: 2 ** 43,
};

/** The defaults with `limits` on top; a limit given as `undefined` keeps its default. */
export function withDefaultLimits(limits: TarLimits = {}): Required<TarLimits> {
  const merged: Record<keyof TarLimits, number> = { ...DEFAULT_TAR_LIMITS };
  for (const name of Object.keys(DEFAULT_TAR_LIMITS) as (keyof TarLimits)[]) {
    const value = limits[name];
    if (value === undefined) continue;
    if (!Number.isSafeInteger(value) || value < 0) {
      throw new CortenError("invalid-argument", `tar limit "${name}" is ${value}: want a whole number`);
    }
    merged[name] = value;
  }
  return merged;
}

/** The error for an archive that breaks the format at byte `offset`. */
export function malformedTar(offset: number, problem: string): CortenError {
  return new CortenError("invalid-argument", `malformed tar at byte ${offset}: ${problem}`);
}

/** The error for an archive that asks for more than a limit allows. */
export function tarLimitExceeded(
  offset: number,
  what: string,
  limit: number,
  name: keyof TarLimits,
): CortenError {
  return new CortenError(
    "resource-exhausted",
    `tar at byte ${offset}: ${what} exceeds the limit of ${limit}`,
    {
      hint: `if the archive is trusted, raise the limit "${name}"`,
    },
  );
}
