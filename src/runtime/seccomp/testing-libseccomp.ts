import { execFileSync, spawnSync } from "node:child_process";
import { join } from "node:path";
import type { RuntimeSeccomp, RuntimeSeccompArgument } from "../../spec/index.ts";

/** Actions as seccomp(2) has them. */
export const ACTION: Readonly<Record<string, number>> = {
  SCMP_ACT_KILL: 0,
  SCMP_ACT_KILL_THREAD: 0,
  SCMP_ACT_KILL_PROCESS: 0x8000_0000,
  SCMP_ACT_TRAP: 0x0003_0000,
  SCMP_ACT_ERRNO: 0x0005_0000,
  SCMP_ACT_NOTIFY: 0x7fc0_0000,
  SCMP_ACT_TRACE: 0x7ff0_0000,
  SCMP_ACT_LOG: 0x7ffc_0000,
  SCMP_ACT_ALLOW: 0x7fff_0000,
};

/** enum scmp_compare */
const OPERATOR: Readonly<Record<string, number>> = {
  SCMP_CMP_NE: 1,
  SCMP_CMP_LT: 2,
  SCMP_CMP_LE: 3,
  SCMP_CMP_EQ: 4,
  SCMP_CMP_GE: 5,
  SCMP_CMP_GT: 6,
  SCMP_CMP_MASKED_EQ: 7,
};

/** libseccomp's number of an action with the number that it carries. */
export function actionNumber(action: string, errno = 1): number {
  const carries = action === "SCMP_ACT_ERRNO" || action === "SCMP_ACT_TRACE";
  return ACTION[action]! + (carries ? errno : 0);
}

/** libseccomp does not take contradictory rules for calls that i386 has two ways to make. */
export class Refusal extends Error {}

/** libseccomp, asked by a small C program. */
export class Libseccomp {
  readonly #program: string;

  /** Builds the program in `directory`. */
  constructor(directory: string) {
    this.#program = join(directory, "export-filter");
    const source = join(import.meta.dirname, "testing-export-filter.c");
    execFileSync("gcc", ["-O1", "-Wall", "-Werror", "-o", this.#program, source, "-lseccomp"]);
  }

  /** The system calls of an architecture that it knows: names by number, x32's without their bit. */
  names(architecture: string): Map<number, string> {
    const text = execFileSync(this.#program, ["names", architecture.toLowerCase()], { encoding: "utf8" });
    return new Map(
      text
        .trim()
        .split("\n")
        .map((line): [number, string] => [Number(line.split(" ")[0]), line.split(" ")[1]!]),
    );
  }

  /** The program that it makes of a profile for these architectures, called the way runc calls it. */
  compile(profile: RuntimeSeccomp, architectures: readonly string[]): Buffer {
    const result = spawnSync(this.#program, {
      input: `${orders(profile, architectures).join("\n")}\n`,
      maxBuffer: 2 ** 22,
    });
    if (result.status !== 0) throw new Refusal(`libseccomp refuses the profile: ${result.stderr}`);
    return result.stdout;
  }
}

/** Rules that do what the default does are left out, and two conditions on one argument become two rules. */
function orders(profile: RuntimeSeccomp, architectures: readonly string[]): string[] {
  const fallback = actionNumber(profile.defaultAction, profile.defaultErrnoRet);
  const lines = [`default ${fallback}`, ...architectures.map((name) => `arch ${name.toLowerCase()}`)];
  for (const { names, action, errnoRet, args = [] } of profile.syscalls ?? []) {
    const value = actionNumber(action, errnoRet);
    if (value === fallback) continue;
    const distinct = new Set(args.map(({ index }) => index)).size === args.length;
    const lists = distinct ? [args] : args.map((argument) => [argument]);
    for (const name of names) {
      for (const list of lists) lines.push(["rule", value, name, ...list.flatMap(words)].join(" "));
    }
  }
  return lines;
}

function words({ index, op, value, valueTwo = 0 }: RuntimeSeccompArgument): unknown[] {
  return [index, OPERATOR[op], value, valueTwo];
}
