/** Loaded before the fuzz tests: every property without a number of runs of its own is tried for FUZZ_SECONDS. */
import fc from "fast-check";

fc.configureGlobal({
  numRuns: Number.MAX_SAFE_INTEGER,
  interruptAfterTimeLimit: Number(process.env["FUZZ_SECONDS"] ?? "60") * 1000,
});
