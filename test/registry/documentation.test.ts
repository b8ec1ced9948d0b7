import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { parse } from "yaml";
import { readCollectionSettings } from "../../src/registry/index.ts";
import { JsonView } from "../../src/spec/index.ts";
import { htpasswd, startGuardedRegistry } from "./guarded-registry.ts";

test("the settings for keeping house in the documentation are such", () => {
  const text = readFileSync(join(import.meta.dirname, "../../docs/registry.md"), "utf8");
  const [, example = ""] = /## Keeping house\n.*?```yaml\n(.*?)```/s.exec(text) ?? [];
  const settings = readCollectionSettings(new JsonView(parse(example), "documentation"));
  assert.equal(settings.retention?.length, 2);
  assert.equal(settings.quotas?.of("team/a")?.repository, 100 * 1024 ** 3);
  assert.equal(settings.scrub?.every, 30 * 86_400_000);
});

test("the access section of the documentation is one", async () => {
  const text = readFileSync(join(import.meta.dirname, "../../docs/registry.md"), "utf8");
  const [, example = ""] = /## Access\n.*?```json\n(.*?)```/s.exec(text) ?? [];
  const configuration = JSON.parse(example) as object;
  await using registry = await startGuardedRegistry(configuration, { htpasswd: htpasswd({ alice: "a" }) });
  const answer = await registry.call("GET", "/v2/");
  assert.match(answer.headers.get("www-authenticate") ?? "", /service="registry.example.org"/);
});
