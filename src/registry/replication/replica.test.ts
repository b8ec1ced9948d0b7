import assert from "node:assert/strict";
import { test } from "node:test";
import type { RegistryEvent } from "../events/registry-event.ts";
import { digestOf, manifestOf, startTestingRegistry, type TestingRegistry } from "../testing-registry.ts";
import { Replica } from "./replica.ts";
import type { ReplicaSettings } from "./replica-settings.ts";

const INDEX = "application/vnd.oci.image.index.v1+json";
const MANIFEST = "application/vnd.oci.image.manifest.v1+json";

/** A registry that sends what is pushed to `to`. */
async function startReplicated(
  to: { readonly origin: string },
  settings: Partial<ReplicaSettings> = {},
  failures: unknown[] = [],
) {
  const replicas: Replica[] = [];
  const registry = await startTestingRegistry({
    onEvent: (event: RegistryEvent) => {
      for (const replica of replicas) replica.add(event);
    },
  });
  const start = (): Replica => {
    const whole = { registry: new URL(to.origin).host, prefix: "backup/", ...settings };
    const replica = new Replica(whole, {
      ...registry.storage,
      backoff: 5,
      onFailure: (error) => void failures.push(error),
    });
    replicas.push(replica);
    return replica;
  };
  return { registry, start };
}

async function push(
  registry: TestingRegistry,
  tag: string,
  config: string,
  more: object = {},
): Promise<string> {
  await registry.push("team/app", config);
  const put = await registry.put("team/app", tag, manifestOf(config, [], more));
  assert.equal(put.status, 201);
  return put.headers.get("docker-content-digest") ?? "";
}

const statusOf = async (registry: TestingRegistry, reference: string) =>
  (await registry.call("HEAD", `backup/team/app/manifests/${reference}`)).status;

test("what is pushed arrives: images, indexes with their images, signatures", async () => {
  await using to = await startTestingRegistry();
  const { registry, start } = await startReplicated(to);
  await using _ = registry;
  await using replica = start();
  const large = "0123456789".repeat(1_000_000);
  await registry.push("team/app", large);
  await registry.push("team/app", "config");
  assert.equal((await registry.put("team/app", "large", manifestOf("config", [large]))).status, 201);
  const digest = await push(registry, "v1", "config");
  const index = {
    schemaVersion: 2,
    mediaType: INDEX,
    manifests: [{ mediaType: MANIFEST, digest, size: JSON.stringify(manifestOf("config", [])).length }],
  };
  assert.equal((await registry.put("team/app", "multi", index, INDEX)).status, 201);
  const signature = manifestOf("config", [], {
    subject: { mediaType: MANIFEST, digest, size: 1 },
    artifactType: "application/x.signature",
  });
  assert.equal((await registry.put("team/app", digestOf(JSON.stringify(signature)), signature)).status, 201);
  await replica.idle();
  const statuses = [];
  for (const tag of ["v1", "multi", "large"]) statuses.push(await statusOf(to, tag));
  assert.deepEqual(statuses, [200, 200, 200]);
  const { manifests } = (await (await to.call("GET", `backup/team/app/referrers/${digest}`)).json()) as {
    manifests: unknown[];
  };
  assert.equal(manifests.length, 1);
});

test("what was pushed while nobody replicated is found at the start, and only what is wanted is sent", async () => {
  await using to = await startTestingRegistry();
  const { registry, start } = await startReplicated(to, { tags: [(tag) => tag !== "draft"] });
  await using _ = registry;
  await push(registry, "v1", "config");
  await push(registry, "draft", "draft");
  await using replica = start();
  await replica.compare();
  await replica.idle();
  assert.deepEqual([await statusOf(to, "v1"), await statusOf(to, "draft")], [200, 404]);
  await registry.call("DELETE", "team/app/manifests/v1");
  await replica.compare();
  await replica.idle();
  assert.equal(await statusOf(to, "v1"), 200);
});

test("a replica that does not answer gets everything once it does", async () => {
  const failures: unknown[] = [];
  let down = true;
  await using to = await startTestingRegistry({
    access: {
      identify: async () => ({ groups: [] }),
      allows: () => {
        if (down) throw new Error("down");
        return true;
      },
      challenge: () => "Basic",
    },
  });
  const { registry, start } = await startReplicated(to, {}, failures);
  await using _ = registry;
  await using replica = start();
  for (const tag of ["v1", "v2"]) await push(registry, tag, `config of ${tag}`);
  while (failures.length === 0) await new Promise((resolve) => setTimeout(resolve, 20));
  down = false;
  await replica.idle();
  assert.deepEqual([await statusOf(to, "v1"), await statusOf(to, "v2")], [200, 200]);
});
