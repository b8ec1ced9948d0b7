import type { CaseResult } from "../peer-suite/case-result.ts";

/** Reads what `contest run` prints: groups, and in each the lines `1 / 3 : name : ok|not ok|skipped`. */
export function parseContest(text: string): CaseResult[] {
  const results: CaseResult[] = [];
  let group = "";
  for (const line of text.split("\n")) {
    const start = /^# Start group (.*)$/.exec(line);
    if (start) {
      group = start[1]!;
      continue;
    }
    const found = /^\d+ \/ \d+ : (.*) : (ok|not ok|skipped)$/.exec(line);
    if (found) {
      const outcome = found[2] === "ok" ? "passed" : found[2] === "skipped" ? "skipped" : "failed";
      results.push({ name: `${group}::${found[1]}`, outcome, detail: "" });
      continue;
    }
    const last = results.at(-1);
    const about = line.trim();
    if (!last || last.outcome === "passed" || about === "" || about.startsWith("#")) continue;
    results[results.length - 1] = { ...last, detail: `${last.detail} ${about}`.trim().slice(0, 600) };
  }
  return results;
}
