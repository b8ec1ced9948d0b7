/** A size in decimal units with three digits, as docker prints them: `1.24MB`. */
export function formatSize(bytes: number): string {
  return scale(bytes, 1000, ["B", "kB", "MB", "GB", "TB", "PB"]);
}

/** A size in binary units: `7.66GiB`. */
export function formatBinarySize(bytes: number): string {
  return scale(bytes, 1024, ["B", "KiB", "MiB", "GiB", "TiB", "PiB"]);
}

function scale(bytes: number, base: number, units: readonly string[]): string {
  let value = bytes;
  let unit = 0;
  while (value >= base && unit < units.length - 1) {
    value /= base;
    unit++;
  }
  const text = unit === 0 ? String(Math.round(value)) : Number(value.toPrecision(3)).toString();
  return `${text}${units[unit]}`;
}

/** How long ago: `5 seconds`, `About a minute`, `3 weeks`, in docker's words. */
export function formatDuration(milliseconds: number): string {
  const seconds = Math.max(0, Math.floor(milliseconds / 1000));
  if (seconds < 1) return "Less than a second";
  if (seconds === 1) return "1 second";
  if (seconds < 60) return `${seconds} seconds`;
  const minutes = Math.floor(seconds / 60);
  if (minutes === 1) return "About a minute";
  if (minutes < 60) return `${minutes} minutes`;
  const hours = Math.round(seconds / 3600);
  if (hours === 1) return "About an hour";
  if (hours < 48) return `${hours} hours`;
  if (hours < 24 * 7 * 2) return `${Math.floor(hours / 24)} days`;
  if (hours < 24 * 30 * 2) return `${Math.floor(hours / 24 / 7)} weeks`;
  if (hours < 24 * 365 * 2) return `${Math.floor(hours / 24 / 30)} months`;
  return `${Math.floor(hours / 24 / 365)} years`;
}

/** `3 weeks ago`; `N/A` for no time at all. */
export function formatAge(time: Date | null | undefined, now = Date.now()): string {
  if (!time || Number.isNaN(time.getTime()) || time.getTime() <= 0) return "N/A";
  return `${formatDuration(now - time.getTime())} ago`;
}

const durationUnits: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };

/** A Go duration such as `1h30m` or `10s` in milliseconds; undefined: not a duration. */
export function parseDuration(text: string): number | undefined {
  if (!/^(?:\d+(?:\.\d+)?(?:ms|h|m|s))+$/.test(text)) return undefined;
  let total = 0;
  for (const [, number, unit] of text.matchAll(/(\d+(?:\.\d+)?)(ms|h|m|s)/g))
    total += Number(number) * durationUnits[unit!]!;
  return total;
}

/** A moment: RFC 3339, seconds since 1970, or a duration before now (`10m`). Undefined: none of these. */
export function parseMoment(text: string, now = Date.now()): Date | undefined {
  const before = parseDuration(text);
  if (before !== undefined) return new Date(now - before);
  if (/^\d+(?:\.\d+)?$/.test(text)) return new Date(Number(text) * 1000);
  if (!/^\d{4}-\d\d-\d\d/.test(text)) return undefined;
  const time = Date.parse(text);
  return Number.isNaN(time) ? undefined : new Date(time);
}
