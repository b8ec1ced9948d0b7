/**
 * Fuzzes with clang's libFuzzer the decoder of launch plans, starting from the corpus in native/, and after it the
 * operations on paths, in a hostile root file system of a mount namespace of their own (which needs root); then with
 * fast-check what reads archives and documents (`src/**\/*-fuzz.test.ts`).
 *
 *     npm run fuzz               for 60 seconds each
 *     FUZZ_SECONDS=600 npm run fuzz
 *     npm run fuzz -- readers    what is written in TypeScript alone
 */
import { bun, capture, run } from "./repository.ts";

const seconds = process.env["FUZZ_SECONDS"] ?? "60";
const readersOnly = process.argv.includes("readers");
const native = readersOnly
  ? 0
  : run("make", ["-C", "native", "OUT=../dist/native", `FUZZ_SECONDS=${seconds}`, "fuzz"]);
const files = capture("git", ["ls-files", "src/**/*-fuzz.test.ts"]).stdout.trim().split("\n");
const limit = String((Number(seconds) + 60) * 1000);
const readers = run(
  bun,
  [
    "test",
    "--preload",
    "./scripts/fuzz/long-runs.ts",
    "--timeout",
    limit,
    ...files.map((file) => `./${file}`),
  ],
  { FUZZ_SECONDS: seconds },
);
process.exitCode = native || readers;
