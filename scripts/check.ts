/**
 * The presubmit: everything that can be said about the sources without running them.
 *
 *     npm run check              all checks, the same that CI runs
 *     npm run check -- imports   only the named ones
 */
import { failed, runChecks } from "./check/checks.ts";

const results = runChecks(process.argv.slice(2));
process.exitCode = failed(results) > 0 ? 1 : 0;
