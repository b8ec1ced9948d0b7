import { appendFileSync } from "node:fs";
import { basename } from "node:path";
import { after, before, describe, it } from "node:test";
import { assertNothingLeft, isOurs, isRoot, runtime, snapshotHost } from "../../support/index.ts";
import { Box } from "./box.ts";
import { type Deviations, deviations } from "./deviations.ts";
import { makePlace, type Place, type PlaceName, placeName } from "./places.ts";

export interface Clause {
  /** The clause of the standard, or the habit of all runtimes that engines rely on, that is tried. */
  readonly clause: string;
  /** Where it can be tried: everywhere unless told. What takes more than one ID or a control group is root's. */
  readonly places?: readonly PlaceName[];
  readonly action: (box: Box) => Promise<void>;
}

/** One line of the file that $RESULTS names. */
export interface ClauseResult {
  readonly name: string;
  readonly outcome: "held" | "deviates" | "failed" | "elsewhere";
}

const known: Deviations = deviations[basename(runtime)] ?? {};

/** Declares the tests of one file; the titles of all files differ. */
export function clauses(title: string, cases: Readonly<Record<string, Clause>>): void {
  describe(title, { skip: isRoot ? false : "needs root, also to be somebody else" }, () => {
    let place: Place;
    before(async () => {
      place = await makePlace(placeName);
    });
    after(() => place[Symbol.asyncDispose]());
    for (const [name, { places, action }] of Object.entries(cases)) {
      const whole = `${title}: ${name}`;
      const here = places === undefined || places.includes(placeName);
      if (!here) record(whole, "elsewhere");
      const skip = here ? false : `is tried by ${places.join(" and ")}`;
      it(whole, { timeout: 60_000, skip }, () => attempt(whole, action, place));
    }
  });
}

async function attempt(name: string, action: Clause["action"], place: Place): Promise<void> {
  const reason = known[name];
  const earlier = snapshotHost({ matching: new RegExp(`bb-${process.pid}-`) });
  try {
    await using box = new Box(place);
    await action(box);
  } catch (error) {
    record(name, reason === undefined ? "failed" : "deviates");
    if (reason !== undefined) return;
    throw error;
  }
  record(name, typeof reason === "string" ? "failed" : "held");
  if (typeof reason === "string") {
    throw new Error(`${basename(runtime)} holds this clause now: take it from the list (${reason})`);
  }
  if (isOurs) await assertNothingLeft(earlier);
}

function record(name: string, outcome: ClauseResult["outcome"]): void {
  const file = process.env["RESULTS"];
  if (file !== undefined) appendFileSync(file, `${JSON.stringify({ name, outcome })}\n`);
}
