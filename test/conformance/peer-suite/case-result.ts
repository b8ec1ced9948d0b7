/** What one case of a suite said. */
export type CaseResult = {
  /** `file::case` or `group::case`, as the suite names them. */
  readonly name: string;
  readonly outcome: "passed" | "failed" | "skipped";
  /** The first words of the failure, or the reason of the skip. */
  readonly detail: string;
};

/**
 * Reads the Test Anything Protocol as bats and crun's own driver write it.
 *
 * @param prefix what to put before a case's name, e.g. its file
 */
export function parseTap(prefix: string, text: string): CaseResult[] {
  const results: CaseResult[] = [];
  let details: string[] = [];
  const finish = () => {
    const last = results.at(-1);
    if (last?.outcome === "failed" && details.length > 0) {
      results[results.length - 1] = { ...last, detail: details.slice(-6).join(" | ").slice(0, 600) };
    }
    details = [];
  };
  for (const line of text.split("\n")) {
    const found = /^(not )?ok (\d+) (?:- )?(.*)$/.exec(line);
    if (!found) {
      if (line.startsWith("# ")) details.push(line.slice(2));
      continue;
    }
    finish();
    const [, failed, , rest] = found;
    const skip = / ?# ?skip ?(.*)$/i.exec(rest!);
    const name = rest!.replace(/ ?# ?(skip|\d+\.\d+s|timeout after).*$/i, "").trim();
    results.push({
      name: `${prefix}::${name}`,
      outcome: failed ? "failed" : skip ? "skipped" : "passed",
      detail: skip ? skip[1]!.replace(/ ?# \d+\.\d+s$/, "") : "",
    });
  }
  finish();
  return results;
}
