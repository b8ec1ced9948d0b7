import { appendFileSync } from "node:fs";
import { describe, it } from "node:test";
import { isOurs, isRoot } from "../../support/index.ts";
import { Lab } from "./lab.ts";

/** Succeeds when the container is refused, or isolated as it should be. The canary is looked at afterwards. */
export type Case = (lab: Lab) => Promise<void>;

export type Attack = {
  /** Numbers of the vulnerabilities of this mechanism, e.g. "CVE-2019-5736". */
  readonly ids: readonly string[];
  /** What went wrong in other programs. */
  readonly mechanism: string;
  /** Why it cannot here, with the file or the operation that sees to it. */
  readonly immune: string;
  /** Cases for any OCI runtime. */
  readonly cases?: Readonly<Record<string, Case>>;
  /** Cases for what has no common command line: images and the engine. They run on Corten only. */
  readonly engineCases?: Readonly<Record<string, Case>>;
};

/** One line of the file that $CVE_RESULTS names; see table.ts. */
export type AttackResult = Pick<Attack, "ids" | "mechanism" | "immune"> & {
  readonly case: string;
  readonly verdict: "held" | "broken" | "other";
  readonly problem?: string;
};

/** Declares the tests of one attack. */
export function attack(definition: Attack): void {
  describe(definition.ids.join(", "), { skip: isRoot ? false : "needs root", timeout: 120_000 }, () => {
    for (const [name, action] of Object.entries(definition.cases ?? {})) {
      it(name, () => perform(definition, name, action));
    }
    for (const [name, action] of Object.entries(definition.engineCases ?? {})) {
      if (!isOurs) record(definition, { case: name, verdict: "other" });
      it(name, { skip: isOurs ? false : "a matter of the engine, which a peer runtime has not" }, () =>
        perform(definition, name, action),
      );
    }
  });
}

async function perform(definition: Attack, name: string, action: Case): Promise<void> {
  try {
    await using lab = new Lab();
    await action(lab);
    lab.canary.assertUntouched();
  } catch (error) {
    const problem = (error as Error).message.split("\n")[0]!;
    record(definition, { case: name, verdict: "broken", problem });
    throw error;
  }
  record(definition, { case: name, verdict: "held" });
}

function record(
  { ids, mechanism, immune }: Attack,
  result: Omit<AttackResult, "ids" | "mechanism" | "immune">,
): void {
  const file = process.env["CVE_RESULTS"];
  if (file === undefined) return;
  appendFileSync(file, `${JSON.stringify({ ids, mechanism, immune, ...result })}\n`);
}
