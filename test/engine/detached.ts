/** Starts a container in the background: detached.ts ROOT RUN-ROOT OPTIONS (JSON). */
import { openEngine } from "../../src/engine/index.ts";

const [root, runRoot, options] = process.argv.slice(2) as [string, string, string];
await using engine = openEngine({ root, runRoot });
const { id } = await engine.run(JSON.parse(options));
process.stdout.write(id);
