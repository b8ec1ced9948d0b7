/**
 * Fuzzes the decoder of launch plans with clang's libFuzzer, starting from the corpus in native/.
 *
 *     npm run fuzz               for 60 seconds
 *     FUZZ_SECONDS=600 npm run fuzz
 */
import { run } from "./repository.ts";

const seconds = process.env["FUZZ_SECONDS"] ?? "60";
process.exitCode = run("make", ["-C", "native", "OUT=../dist/native", `FUZZ_SECONDS=${seconds}`, "fuzz"]);
