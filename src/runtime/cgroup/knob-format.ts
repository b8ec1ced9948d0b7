/** The number in a file of a control group; `max` and what is too large count as 2^64-1, what is not there as 0. */
export function knobNumber(text: string | undefined): number {
  if (text === undefined) return 0;
  const trimmed = text.trim();
  return trimmed === "max" ? 2 ** 64 - 1 : Number(trimmed) || 0;
}

/** Lines of `NAME NUMBER`. */
export function flatKeyed(text: string | undefined): Readonly<Record<string, number>> {
  const values: Record<string, number> = {};
  for (const line of (text ?? "").split("\n")) {
    const at = line.lastIndexOf(" ");
    if (at > 0) values[line.slice(0, at)] = Number(line.slice(at + 1));
  }
  return values;
}

/** Lines of `KEY NAME=NUMBER NAME=NUMBER`. */
export function nestedKeyed(text: string | undefined): ReadonlyMap<string, Readonly<Record<string, number>>> {
  const values = new Map<string, Record<string, number>>();
  for (const line of (text ?? "").split("\n").filter(Boolean)) {
    const [key = "", ...pairs] = line.split(" ");
    values.set(
      key,
      Object.fromEntries(
        pairs.map((pair) => [
          pair.slice(0, pair.indexOf("=")),
          knobNumber(pair.slice(pair.indexOf("=") + 1)),
        ]),
      ),
    );
  }
  return values;
}

/** A list of numbers such as `0-3,7`. */
export function numberList(text: string | undefined): number[] {
  const numbers: number[] = [];
  for (const part of (text ?? "").trim().split(",").filter(Boolean)) {
    const [first = 0, last = first] = part.split("-").map(Number) as [number, number?];
    for (let number = first; number <= last && numbers.length < 8192; number++) numbers.push(number);
  }
  return numbers;
}
