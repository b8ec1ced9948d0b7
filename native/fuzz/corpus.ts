/**
 * Writes the seeds of the decoder's fuzzing: one small plan for each operation, and one of the usual shape.
 *
 *     scripts/bun native/fuzz/corpus.ts
 */
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { encodePlan } from "../../src/runtime/plan/encode.ts";
import {
  type FieldKind,
  type LaunchPlan,
  OPERATIONS,
  type Operation,
  PLAN_VERSION,
} from "../../src/runtime/plan/operation.ts";

const corpus = join(import.meta.dirname, "corpus");

const SAMPLES: Readonly<Record<FieldKind, unknown>> = {
  in: 0,
  "in?": null,
  out: 1,
  int: -1,
  text: "a/b",
  "text?": null,
  data: new Uint8Array([6, 0, 0, 0, 0, 0, 0xff, 0x7f]),
  list: ["sh", "-c", ""],
  section: "container",
};

function sample(op: Operation["op"]): Operation {
  const fields = Object.entries(OPERATIONS[op].fields as Record<string, FieldKind>);
  return {
    op,
    at: "/a",
    ...Object.fromEntries(fields.map(([name, kind]) => [name, SAMPLES[kind]])),
  } as Operation;
}

function plan(host: readonly Operation[], container: readonly Operation[]): LaunchPlan {
  const sections = { host, container, cleanup: [] };
  return { version: PLAN_VERSION, registers: ["r", ""], sections, failureFile: "/f", onFailure: ["/x", "y"] };
}

rmSync(corpus, { recursive: true, force: true });
mkdirSync(corpus, { recursive: true });
for (const op of Object.keys(OPERATIONS) as Array<Operation["op"]>) {
  writeFileSync(join(corpus, op), encodePlan(plan([sample(op)], [])));
}
writeFileSync(join(corpus, "empty"), encodePlan(plan([], [])));
writeFileSync(
  join(corpus, "usual"),
  encodePlan(plan([sample("clone"), sample("await")], [sample("notify"), sample("execute")])),
);
