/** Becomes the foreground of a container: foreground.ts ROOT RUN-ROOT OPTIONS (JSON). */
import { closeSync, openSync } from "node:fs";
import { openEngine } from "../../src/engine/index.ts";

const [root, runRoot, options] = process.argv.slice(2) as [string, string, string];
const { path, args, env, stdin } = await openEngine({ root, runRoot }).prepareRun(JSON.parse(options));
if (stdin === "null") {
  closeSync(0);
  openSync("/dev/null", "r");
}
process.execve!(path, [...args], { ...env });
