/** A part of a whole, by its first and last byte. */
export interface ContentRange {
  readonly first: number;
  readonly last: number;
  /** Bytes of the whole; undefined where the server does not say. */
  readonly size: number | undefined;
}

/** Reads a Content-Range header in bytes (RFC 9110, section 14.4); undefined for anything else. */
export function parseContentRange(header: string): ContentRange | undefined {
  const match = /^bytes ([0-9]{1,15})-([0-9]{1,15})\/([0-9]{1,15}|\*)$/.exec(header);
  if (match === null) return undefined;
  const [first, last] = [Number(match[1]), Number(match[2])];
  const size = match[3] === "*" ? undefined : Number(match[3]);
  return first > last || (size !== undefined && last >= size) ? undefined : { first, last, size };
}

/**
 * Bytes that an upload has, from its Range header: `0-N` names the last byte (distribution-spec, "Pushing a blob in
 * chunks"). Registries write `0-0` for nothing as well as for one byte; as nothing is lost by sending a byte again, it
 * counts as nothing.
 */
export function parseUploadRange(header: string | undefined): number | undefined {
  if (header === undefined) return undefined;
  const match = /^(?:bytes=)?0-([0-9]{1,15})$/.exec(header);
  if (match === null) return undefined;
  return match[1] === "0" ? 0 : Number(match[1]) + 1;
}
