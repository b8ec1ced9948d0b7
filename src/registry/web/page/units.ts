const UNITS = ["B", "kB", "MB", "GB", "TB"] as const;

/** A size in bytes as a person reads it, in powers of 1000 like the command line: `31.4 MB`. */
export function printBytes(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 999.5 && unit < UNITS.length - 1) {
    value /= 1000;
    unit++;
  }
  const digits = unit === 0 || value >= 100 ? 0 : value >= 10 ? 1 : 2;
  return `${value.toFixed(digits)} ${UNITS[unit]}`;
}

/** The algorithm and the first twelve digits of a digest. */
export function shortDigest(digest: string): string {
  const [algorithm = "", encoded = ""] = digest.split(":");
  return `${algorithm === "sha256" ? "" : `${algorithm}:`}${encoded.slice(0, 12)}`;
}

/** What people call the common types. */
const TYPES: Readonly<Record<string, string>> = {
  "application/vnd.oci.image.index.v1+json": "OCI index",
  "application/vnd.oci.image.manifest.v1+json": "OCI image",
  "application/vnd.docker.distribution.manifest.list.v2+json": "Docker manifest list",
  "application/vnd.docker.distribution.manifest.v2+json": "Docker image",
};

/** A media type as people call it, or without what all of them share: `image.layer.v1.tar+gzip`. */
export function shortType(mediaType: string): string {
  const known = TYPES[mediaType];
  if (known !== undefined) return known;
  return mediaType.replace(/^application\/vnd\.(oci\.|docker\.)?/, "");
}

const STEPS: ReadonlyArray<readonly [Intl.RelativeTimeFormatUnit, number]> = [
  ["year", 31_557_600],
  ["month", 2_629_800],
  ["day", 86_400],
  ["hour", 3600],
  ["minute", 60],
];

/** How long ago a date was; undefined for text that is no date, and for the epoch, which reproducible builds write. */
export function printAge(created: string | undefined, now = Date.now()): string | undefined {
  const seconds = (Date.parse(created ?? "") - now) / 1000;
  if (Number.isNaN(seconds) || Date.parse(created ?? "") <= 86_400_000) return undefined;
  const format = new Intl.RelativeTimeFormat("en", { numeric: "auto" });
  for (const [unit, length] of STEPS)
    if (Math.abs(seconds) >= length) return format.format(Math.round(seconds / length), unit);
  return "just now";
}
