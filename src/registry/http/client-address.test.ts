import assert from "node:assert/strict";
import { test } from "node:test";
import { JsonView } from "../../spec/index.ts";
import { readAccessSettings } from "../access/access-settings.ts";
import { openAccess } from "../access/configured-access.ts";
import { startTestingRegistry } from "../testing-registry.ts";

test("behind a trusted proxy each client has its own limit, and its address in the log", async () => {
  const configuration = {
    trustedProxies: ["127.0.0.1"],
    policies: [{ repositories: ["**"], anonymous: true, verbs: ["read"] }],
  };
  const view = new JsonView(configuration, "configuration");
  const access = await openAccess(readAccessSettings(view, { base: "/", state: undefined }));
  const seen: string[] = [];
  await using registry = await startTestingRegistry({
    access,
    limits: { requestsPerSecond: 0.2 },
    onAccess: ({ remote, status }) => seen.push(`${remote} ${status}`),
  });
  const ask = async (client: string): Promise<number> => {
    const headers = { "X-Forwarded-For": `198.51.100.9, ${client}` };
    return (await registry.call("GET", "_catalog", { headers })).status;
  };
  const first = [await ask("192.0.2.1"), await ask("192.0.2.1"), await ask("192.0.2.1")];
  assert.deepEqual(first, [200, 200, 429]);
  assert.equal(await ask("192.0.2.2"), 200);
  while (seen.length < 4) await new Promise((resolve) => setTimeout(resolve, 5));
  assert.deepEqual(seen, ["192.0.2.1 200", "192.0.2.1 200", "192.0.2.1 429", "192.0.2.2 200"]);
});
