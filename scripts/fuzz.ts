/**
 * Fuzzes with clang's libFuzzer the decoder of launch plans, starting from the corpus in native/, and after it the
 * operations on paths, in a hostile root file system of a mount namespace of their own (which needs root).
 *
 *     npm run fuzz               for 60 seconds each
 *     FUZZ_SECONDS=600 npm run fuzz
 */
import { run } from "./repository.ts";

const seconds = process.env["FUZZ_SECONDS"] ?? "60";
process.exitCode = run("make", ["-C", "native", "OUT=../dist/native", `FUZZ_SECONDS=${seconds}`, "fuzz"]);
