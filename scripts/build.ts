/**
 * Builds dist/: the C programs, the embedded image and the executable. Parts whose inputs did not change are
 * left alone.
 *
 *     npm run build              everything
 *     npm run build -- native    only the named parts: native, image, executable, library, node-tests
 */
import { build } from "./build/build.ts";

const names = process.argv.slice(2);
await build(names.length > 0 ? names : undefined).catch((error: Error) => {
  console.error(`build failed: ${error.message}`);
  process.exitCode = 1;
});
