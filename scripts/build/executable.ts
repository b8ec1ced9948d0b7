import { mkdirSync, renameSync, rmSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { bun, capture, dist, run } from "../repository.ts";
import type { Step } from "./step.ts";

/**
 * Splitting keeps each dynamic import in a chunk of its own: a start loads only what it uses, which halves the time
 * to the first line of a command. The two autoload flags keep the program from executing bunfig.toml and .env of
 * whatever directory it is called in.
 */
const flags = [
  "--compile",
  "--bytecode",
  "--splitting",
  "--minify",
  "--format=esm",
  "--no-compile-autoload-bunfig",
  "--no-compile-autoload-dotenv",
];

/** dist/corten, and dist/corten-oci beside it: the same program, told apart by the name it is called by. */
export function executableStep(): Step {
  const executable = join(dist, "corten");
  const alias = join(dist, "corten-oci");
  return {
    name: "executable",
    inputs: ["src", "package.json", "package-lock.json"],
    ignore: /\.test\.ts$/,
    facts: [capture(bun, ["--revision"]).stdout, ...flags],
    outputs: [executable, alias],
    make() {
      mkdirSync(dist, { recursive: true });
      // A running program cannot be written over, only replaced.
      const fresh = join(dist, `.corten-${process.pid}`);
      try {
        const code = run(bun, ["build", ...flags, "src/cli/main.ts", "--outfile", fresh]);
        if (code !== 0) throw new Error(`bun build of src/cli/main.ts exited with ${code}`);
        renameSync(fresh, executable);
      } finally {
        rmSync(fresh, { force: true });
      }
      rmSync(alias, { force: true });
      symlinkSync("corten", alias);
    },
  };
}
