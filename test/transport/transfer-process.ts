/**
 * A process that pulls or pushes one image, to be killed on its way:
 *
 *     bun test/transport/transfer-process.ts pull|push ROOT REFERENCE [CHUNK_SIZE]
 */

import { openStore } from "../../src/content/index.ts";
import { pull, resolveImage, save, uploadJournal } from "../../src/image/index.ts";
import { openSink, openSource } from "../../src/transport/index.ts";

const [direction, root, reference, chunkSize] = process.argv.slice(2);
using store = openStore(root!);
if (direction === "pull") {
  await using source = await openSource(`docker://${reference}`, { registry: { credentials: "anonymous" } });
  await pull(store, source, { name: reference! });
} else {
  await using sink = await openSink(`docker://${reference}`, {
    registry: {
      credentials: "anonymous",
      uploads: uploadJournal(store),
      resumableFrom: 1024 * 1024,
      ...(chunkSize === undefined ? {} : { chunkSize: Number(chunkSize) }),
    },
  });
  await save(store, await resolveImage(store, "sample:1"), sink);
}
