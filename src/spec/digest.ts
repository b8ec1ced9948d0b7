import { CortenError } from "./error.ts";

/** A digest string of image-spec's grammar, `algorithm:encoded`, e.g. `sha256:9f86d0…`. */
export type Digest = `${string}:${string}`;

/** Algorithms whose content Corten verifies. */
export type DigestAlgorithm = "blake3" | "sha256" | "sha512";
/** Those of DiffIDs, which are computed while a layer is unpacked: what node:crypto has. */
export type DiffIDAlgorithm = Exclude<DigestAlgorithm, "blake3">;

const GRAMMAR = /^[a-z0-9]+(?:[+._-][a-z0-9]+)*:[a-zA-Z0-9=_-]+$/;
const HEX_LENGTH: Readonly<Record<DigestAlgorithm, number>> = {
  blake3: 64,
  sha256: 64,
  sha512: 128,
};

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
  const length = isVerifiable(algorithm) ? HEX_LENGTH[algorithm] : undefined;
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

/** Whether Corten can compute digests of an algorithm: the three that image-spec registers. */
export function isVerifiable(algorithm: string): algorithm is DigestAlgorithm {
  return Object.hasOwn(HEX_LENGTH, algorithm);
}

/**
 * The algorithm of a digest whose content is to be verified.
 *
 * @throws unimplemented for an algorithm that Corten cannot compute
 */
export function verifiableAlgorithm(digest: Digest): DigestAlgorithm {
  const [algorithm] = splitDigest(digest);
  if (isVerifiable(algorithm)) return algorithm;
  throw new CortenError("unimplemented", `digest algorithm "${algorithm}" of ${digest} is not supported`);
}

/**
 * The algorithm of a DiffID that is to be verified.
 *
 * @throws unimplemented for an algorithm that Corten does not unpack layers with
 */
export function diffIDAlgorithm(diffID: Digest): DiffIDAlgorithm {
  const [algorithm] = splitDigest(diffID);
  if (algorithm === "sha256" || algorithm === "sha512") return algorithm;
  throw new CortenError(
    "unimplemented",
    `digest algorithm "${algorithm}" of DiffID ${diffID} is not supported`,
  );
}
