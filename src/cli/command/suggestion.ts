/** The names closest to a mistyped word, best first: at most two edits away, or beginning with it. */
export function suggestions(word: string, names: Iterable<string>): string[] {
  const most = word.length <= 3 ? 1 : 2;
  const close: { name: string; distance: number }[] = [];
  for (const name of names) {
    const distance =
      name !== word && word.length >= 2 && name.startsWith(word) ? 0.5 : editDistance(word, name, most);
    if (distance <= most) close.push({ name, distance });
  }
  return close
    .sort((a, b) => a.distance - b.distance || a.name.localeCompare(b.name))
    .map(({ name }) => name);
}

/** Optimal string alignment distance: insert, delete, replace, swap neighbours. Gives up above `most`. */
export function editDistance(a: string, b: string, most = Number.POSITIVE_INFINITY): number {
  if (Math.abs(a.length - b.length) > most) return Number.POSITIVE_INFINITY;
  let before: number[] = [];
  let above = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (let row = 1; row <= a.length; row++) {
    const current = [row];
    for (let column = 1; column <= b.length; column++) {
      const same = a[row - 1] === b[column - 1];
      let least = Math.min(above[column]! + 1, current[column - 1]! + 1, above[column - 1]! + (same ? 0 : 1));
      if (row > 1 && column > 1 && a[row - 1] === b[column - 2] && a[row - 2] === b[column - 1]) {
        least = Math.min(least, before[column - 2]! + 1);
      }
      current.push(least);
    }
    before = above;
    above = current;
  }
  return above[b.length]!;
}
