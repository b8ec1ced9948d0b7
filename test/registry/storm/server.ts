/**
 * A registry over the place that the first word describes, which collects garbage all the time. It prints its port and
 * serves until it is killed. Run by storm.test.ts.
 */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { createRegistry } from "../../../src/registry/index.ts";
import { openStormStorage, type StormPlace } from "./storage.ts";

const [place, grace] = process.argv.slice(2);
if (place === undefined || grace === undefined) throw new Error("usage: server.ts PLACE-AS-JSON GRACE-MS");

const report = (error: unknown): void => console.error(error);
const storage = await openStormStorage(JSON.parse(place) as StormPlace);
const limits = { grace: Number(grace), uploadAge: Number(grace) };
const registry = createRegistry({ storage, limits, onFailure: report });
const server = createServer(registry.handler);
server.listen(0, "127.0.0.1", () => console.log((server.address() as AddressInfo).port));
for (;;) {
  await registry.collect().catch(report);
  await new Promise((resolve) => setTimeout(resolve, 20));
}
