/** What one validation program reported. */
export interface TapResult {
  /** Cases that passed. */
  readonly ok: number;
  /** Descriptions of the cases that failed, in order. */
  readonly failed: readonly string[];
  /** The error of a program that reports no cases but a diagnostic only. */
  readonly error: string | undefined;
}

/**
 * Reads TAP version 13 as runtime-tools writes it. The hook programs have no cases: they print a
 * diagnostic with an `error` when they fail and nothing when they pass.
 */
export function parseTap(text: string): TapResult {
  let ok = 0;
  const failed: string[] = [];
  let error: string | undefined;
  for (const line of text.split("\n")) {
    const failure = /^not ok \d+ - (.*)$/.exec(line);
    if (failure !== null) failed.push(failure[1]!);
    else if (/^ok \d+/.test(line)) ok++;
    else if (ok === 0 && failed.length === 0) error ??= /^ {4}"error": "(.*)",?$/.exec(line)?.[1];
  }
  return { ok, failed, error };
}
