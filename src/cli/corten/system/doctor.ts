import { examineHost, type Finding } from "../../../host/index.ts";
import { print } from "../../terminal/stream.ts";
import { printable, styleOf } from "../../terminal/style.ts";
import { printDetails } from "../listing.ts";
import type { CortenCall } from "../table/globals.ts";
import type { doctorOptions } from "../table/system.ts";

/** `corten doctor`: 0 when nothing is missing that every container needs, else 1. */
export async function run({ options, globals }: CortenCall<typeof doctorOptions>): Promise<number> {
  const findings = await examineHost();
  const healthy = findings.every(({ works, needed }) => works || !needed);
  printDetails({ healthy, findings }, options.format ?? globals.format, () =>
    printFindings(findings, healthy),
  );
  return healthy ? 0 : 1;
}

function printFindings(findings: readonly Finding[], healthy: boolean): void {
  const { bold, dim, green, red, yellow } = styleOf(1);
  const width = Math.max(...findings.map(({ name }) => name.length));
  let group = "";
  for (const finding of findings) {
    if (finding.group !== group) {
      group = finding.group;
      print(bold(`${group.charAt(0).toUpperCase()}${group.slice(1)}`));
    }
    const { works, needed, name, detail, without, remedy } = finding;
    const mark = works ? green("yes    ") : needed ? red("MISSING") : yellow("no     ");
    print(`  ${mark}  ${name.padEnd(width)}  ${dim(printable(detail))}`.trimEnd());
    if (works) continue;
    if (without !== undefined) print(`           still works: ${without}`);
    if (remedy !== undefined) print(`           to get it:   ${remedy}`);
  }
  print("");
  print(healthy ? green("containers can run here") : red("something that every container needs is missing"));
}
