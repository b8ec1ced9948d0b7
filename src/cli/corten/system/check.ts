import type { CheckFinding } from "../../../engine/index.ts";
import { CortenError } from "../../../spec/index.ts";
import { print, printJson } from "../../terminal/stream.ts";
import { printable } from "../../terminal/style.ts";
import { fetchInto } from "../images/fetch.ts";
import { interruptible } from "../interruption.ts";
import { openSession } from "../session.ts";
import type { CortenCall } from "../table/globals.ts";
import type { checkOptions } from "../table/system.ts";

/** `corten system check`: 0 when everything is as it has to be, or is again. */
export async function run(call: CortenCall<typeof checkOptions>): Promise<number> {
  const { quick, repair, force, "tls-verify": verify, format } = call.options;
  if (force && !repair) {
    throw new CortenError("invalid-argument", "--force removes what cannot be mended: it takes --repair");
  }
  await using engine = openSession(call);
  const findings: CheckFinding[] = [];
  const json = (format ?? call.globals.format) === "json";
  await interruptible(async (signal) => {
    const refetch = async (name: string) => {
      const options = { "tls-verify": verify, creds: undefined, platform: undefined, quiet: true };
      await fetchInto(engine.store, { globals: call.globals, options }, name);
    };
    for await (const finding of engine.check({ quick, repair, remove: force, refetch, signal })) {
      findings.push(finding);
      if (!json) print(describe(finding));
    }
  });
  const left = findings.filter(({ repaired }) => repaired === undefined).length;
  if (json) {
    printJson(
      findings.map(({ kind, object, problem, repaired }) => ({
        Kind: kind,
        Object: object,
        Problem: problem,
        Repaired: repaired ?? null,
      })),
    );
  } else print(summary(findings.length, left));
  return left === 0 ? 0 : 1;
}

function describe({ kind, object, problem, repaired }: CheckFinding): string {
  const then = repaired === undefined ? "" : ` (${repaired})`;
  return printable(`${kind} ${object} ${problem}${then}`);
}

function summary(found: number, left: number): string {
  if (found === 0) return "everything is as it has to be";
  const word = found === 1 ? "problem" : "problems";
  return left === 0 ? `${found} ${word}, all repaired` : `${found} ${word}, ${left} left`;
}
