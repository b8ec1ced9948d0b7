import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { build } from "../../scripts/build/build.ts";
import { ensurePackages } from "../../scripts/test/debian-packages.ts";
import type { Bench } from "./bench.ts";
import { isInside, runInside } from "./private-space.ts";
import { formatResult } from "./report.ts";
import { resultsFile, storeResult } from "./results-file.ts";

/**
 * Runs benches and sets the process's exit code: 0 when every contestant has a number.
 *
 * The first call brings packages and dist/ up to date and starts the program again in private namespaces.
 */
export async function runBenches(benches: readonly Bench[]): Promise<void> {
  if (!isInside()) {
    if (process.getuid?.() !== 0)
      throw new Error("benches start daemons and containers of the peers: run as root");
    ensurePackages({ withBench: true });
    await build().catch((error: Error) => {
      // The peers can still be measured; ours fails with its own message.
      console.error(`build failed, ours will be missing: ${error.message}`);
    });
    process.exitCode = runInside();
    return;
  }
  let failures = 0;
  for (const bench of benches) {
    console.log(`\n${bench.title} (${bench.name}, about ${bench.seconds} s)`);
    // Short: podman takes a run root of 50 characters at most.
    const scratch = mkdtempSync(join(tmpdir(), "corten-bench-"));
    try {
      const entries = await bench.measure(scratch);
      console.log(formatResult(bench, entries));
      storeResult(bench, entries);
      failures += entries.filter((entry) => "failure" in entry).length;
    } finally {
      rmSync(scratch, { recursive: true, force: true });
    }
  }
  console.log(`\nstored in ${resultsFile}`);
  process.exitCode = failures > 0 ? 1 : 0;
}
