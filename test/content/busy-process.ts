/**
 * A process that uses a store until it is killed or its time is over:
 *
 *     bun test/content/busy-process.ts ROOT pull|collect|both MILLISECONDS SEED
 *
 * Exits with 1 and says why when the store breaks a promise.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { openStore } from "../../src/content/index.ts";
import { bringInImage, makeImage } from "./images.ts";

const [root, role, time, start] = process.argv.slice(2);
const end = Date.now() + Number(time);
process.stdout.write("ready\n");
for (let seed = Number(start); Date.now() < end; seed++) {
  using store = openStore(root!);
  if (role !== "collect") {
    // Its own names: where two processes share one, each may take away what the other still reads.
    const name = `test/image-${process.pid}:${seed % 3}`;
    await bringInImage(store, seed % 5, name);
    for (const { descriptor } of makeImage(seed % 5)) await store.read(descriptor);
    if (seed % 2 === 0) store.names.remove(name);
  }
  if (role !== "pull") {
    await store.collect({ interrupted: true });
    await sleep(1);
  }
}
