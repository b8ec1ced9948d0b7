import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { htpasswd, startGuardedRegistry } from "./guarded-registry.ts";

test("the access section of the documentation is one", async () => {
  const text = readFileSync(join(import.meta.dirname, "../../docs/registry.md"), "utf8");
  const [, example = ""] = /## Access\n.*?```json\n(.*?)```/s.exec(text) ?? [];
  const configuration = JSON.parse(example) as object;
  await using registry = await startGuardedRegistry(configuration, { htpasswd: htpasswd({ alice: "a" }) });
  const answer = await registry.call("GET", "/v2/");
  assert.match(answer.headers.get("www-authenticate") ?? "", /service="registry.example.org"/);
});
