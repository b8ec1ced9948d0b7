/** RFC 6838, section 4.2: two restricted names of at most 127 characters. */
const MEDIA_TYPE = /^[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,126}\/[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,126}$/;

const DATE_TIME =
  /^(\d{4})-(\d{2})-(\d{2})[Tt](\d{2}):(\d{2}):(\d{2})(?:\.\d+)?(?:[Zz]|[+-](\d{2}):(\d{2}))$/;

/** True for a media type without parameters. */
export function isMediaType(text: string): boolean {
  return MEDIA_TYPE.test(text);
}

/** True for a date-time of RFC 3339, section 5.6; the calendar is looked at, and leap seconds are allowed. */
export function isDateTime(text: string): boolean {
  const match = DATE_TIME.exec(text);
  if (match === null) return false;
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0, zoneHour = 0, zoneMinute = 0] = match
    .slice(1)
    .map((digits) => Number(digits ?? 0));
  const leap = (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0;
  const days = [31, leap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31][month - 1];
  if (days === undefined || day < 1 || day > days) return false;
  return hour <= 23 && minute <= 59 && second <= 60 && zoneHour <= 23 && zoneMinute <= 59;
}

/** True for `port`, `port/tcp`, `port/udp` and, beyond image-spec, `port/sctp` and Docker's port ranges. */
export function isExposedPort(text: string): boolean {
  const match = /^(\d{1,5})(?:-(\d{1,5}))?(?:\/(?:tcp|udp|sctp))?$/.exec(text);
  if (match === null) return false;
  const [first = 0, last = first] = match.slice(1, 3).map((digits) => Number(digits ?? match[1]));
  return first <= 65_535 && last <= 65_535 && first <= last;
}

/** True for a signal as StopSignal has it: `SIGKILL`, `SIGRTMIN+3`, or, as Docker writes, a number. */
export function isSignal(text: string): boolean {
  return /^(?:SIG)?[A-Z][A-Z0-9]*(?:[+-]\d{1,2})?$/.test(text) || /^\d{1,2}$/.test(text);
}

/** True for a value of `org.opencontainers.image.ref.name` as annotations.md has it. */
export function isRefNameValue(text: string): boolean {
  return /^[A-Za-z0-9]+(?:(?:[-._:@+]|--)[A-Za-z0-9]+)*(?:\/[A-Za-z0-9]+(?:(?:[-._:@+]|--)[A-Za-z0-9]+)*)*$/.test(
    text,
  );
}
