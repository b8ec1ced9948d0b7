/** Unpacks an image of the store: prepare.ts ROOT NAME. */
import { openStore } from "../../src/content/index.ts";
import { resolveImage } from "../../src/image/index.ts";
import { openSnapshots } from "../../src/snapshot/index.ts";

const [root, name] = process.argv.slice(2) as [string, string];
const store = openStore(root);
const { files } = await openSnapshots(root).prepare(store, await resolveImage(store, name));
store.close();
process.stdout.write(`${files.length}`);
