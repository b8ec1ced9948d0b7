import { mkdirSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { bun, capture, dist, run } from "../repository.ts";
import type { Step } from "./step.ts";

/**
 * Splitting keeps each dynamic import in a chunk of its own: a start loads only what it uses, which halves the time
 * to the first line of a command; chunks below 16 KiB are joined, since each costs more to open than to read. The two
 * autoload flags keep the program from executing bunfig.toml and .env of whatever directory it is called in.
 *
 * package.json says that modules have no side effects: so what a room offers and a command does not use is left out of
 * the chunk that the command loads, which was a tenth of a start when the rooms grew.
 *
 * A command runs nearly all of its code once or a few times: compiling what is called six times to machine code, as
 * is usual, takes longer than it saves, two milliseconds of a start. Loops that matter are hundred times longer than
 * the threshold set here; pulling and unpacking are as fast as before (docs/performance.md). Servers ask for the usual
 * threshold (src/cli/command/compile-soon.ts), by a name that stands for Bun's own function in the executable only.
 */
const flags = [
  "--compile",
  "--bytecode",
  "--splitting",
  "--minify",
  "--format=esm",
  "--min-chunk-size=16384",
  "--compile-jit-policy=100",
  "--define=setCompilerThreshold=Bun.unsafe.setJITPolicy",
  "--no-compile-autoload-bunfig",
  "--no-compile-autoload-dotenv",
];

/** The program, and the module that a thread of it begins with (src/registry/access/password-comparer.ts). */
const entries = ["src/cli/main.ts", "src/registry/access/password-worker.ts"];

/** dist/corten. dist/corten-oci beside it is a native program, which becomes this one where it knows no plan. */
export function executableStep(): Step {
  const executable = join(dist, "corten");
  return {
    name: "executable",
    inputs: ["src", "package.json", "package-lock.json"],
    ignore: /\.test\.ts$/,
    facts: [capture(bun, ["--revision"]).stdout, ...flags, ...entries],
    outputs: [executable],
    make() {
      mkdirSync(dist, { recursive: true });
      // A running program cannot be written over, only replaced.
      const fresh = join(dist, `.corten-${process.pid}`);
      try {
        const code = run(bun, ["build", ...flags, ...entries, "--outfile", fresh]);
        if (code !== 0) throw new Error(`bun build of src/cli/main.ts exited with ${code}`);
        renameSync(fresh, executable);
      } finally {
        rmSync(fresh, { force: true });
      }
    },
  };
}
