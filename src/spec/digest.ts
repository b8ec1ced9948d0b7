import { CortenError } from "./error.ts";

/** A digest string of image-spec's grammar, `algorithm:encoded`, e.g. `sha256:9f86d0…`. */
export type Digest = `${string}:${string}`;

/** Algorithms whose content Corten verifies. */
export type DigestAlgorithm = "sha256" | "sha512";

const GRAMMAR = /^[a-z0-9]+(?:[+._-][a-z0-9]+)*:[a-zA-Z0-9=_-]+$/;
const HEX_LENGTH: Readonly<Record<DigestAlgorithm, number>> = { sha256: 64, sha512: 128 };

/**
 * Checks `text` against the digest grammar (image-spec, descriptor.md "Digests") and, for the
 * registered algorithms, that the encoded part is lower-case hex of the right length.
 * Everything that becomes part of a path or a URL passes here first (CVE-2024-3727).
 *
 * @throws invalid-argument, naming the text
 */
export function parseDigest(text: string): Digest {
  const shown = text.length > 140 ? `${text.slice(0, 140)}…` : text;
  if (!GRAMMAR.test(text)) throw new CortenError("invalid-argument", `invalid digest "${shown}"`);
  const [algorithm, encoded] = splitDigest(text as Digest);
  const length = HEX_LENGTH[algorithm as DigestAlgorithm];
  if (length !== undefined && !(encoded.length === length && /^[0-9a-f]+$/.test(encoded))) {
    throw new CortenError(
      "invalid-argument",
      `invalid ${algorithm} digest "${shown}": want ${length} lower-case hex digits`,
    );
  }
  return text as Digest;
}

/** Splits a digest into algorithm and encoded part; the input has passed {@link parseDigest}. */
export function splitDigest(digest: Digest): [algorithm: string, encoded: string] {
  const colon = digest.indexOf(":");
  return [digest.slice(0, colon), digest.slice(colon + 1)];
}

/**
 * The algorithm of a digest whose content is to be verified.
 *
 * @throws unimplemented for an algorithm that Corten cannot compute
 */
export function verifiableAlgorithm(digest: Digest): DigestAlgorithm {
  const [algorithm] = splitDigest(digest);
  if (algorithm === "sha256" || algorithm === "sha512") return algorithm;
  throw new CortenError("unimplemented", `digest algorithm "${algorithm}" of ${digest} is not supported`);
}
