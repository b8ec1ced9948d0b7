import { relative } from "node:path";
import { root } from "../repository.ts";
import { executableStep } from "./executable.ts";
import { helloImageStep } from "./hello-image.ts";
import { libraryStep, nodeTestsStep } from "./library.ts";
import { nativeStep } from "./native.ts";
import { runStep, type Step } from "./step.ts";

/** The parts of the build, in the order in which they need each other. */
export const steps: Readonly<Record<string, () => Step>> = {
  native: nativeStep,
  image: helloImageStep,
  executable: executableStep,
  library: libraryStep,
  "node-tests": nodeTestsStep,
};

/** What is built unless parts are named: the library is for who publishes or tests it. */
const everyday = ["native", "image", "executable"];

/** Brings dist/ up to date and prints a line for each part; throws at the first that fails. */
export async function build(names: readonly string[] = everyday): Promise<void> {
  for (const name of names) {
    const step = steps[name];
    if (!step) throw new Error(`no build step "${name}": there are ${Object.keys(steps).join(", ")}`);
    const started = performance.now();
    const { outputs, ...rest } = step();
    const result = await runStep({ outputs, ...rest });
    const what = outputs.map((output) => relative(root, output)).join(" ");
    console.log(`${result.padEnd(9)} ${name}: ${what} (${Math.round(performance.now() - started)} ms)`);
  }
}
