import assert from "node:assert/strict";
import { test } from "node:test";
import type { ContainerSummary } from "../../../engine/index.ts";
import { containerFilter } from "./container-filter.ts";

const container: ContainerSummary = {
  id: "abc123",
  name: "web-1",
  image: "nginx:1.25",
  imageID: "sha256:feed",
  command: ["nginx"],
  state: "exited",
  status: "Exited (3) 2 minutes ago",
  createdAt: new Date(0),
  labels: { tier: "front", empty: "" },
  network: "none",
};

const matches = (...filters: string[]) => containerFilter(filters).matches(container);

test("each filter knows its part of a container", () => {
  for (const text of [
    ...[
      "id=abc",
      "name=web",
      "name=/web",
      "status=exited",
      "exited=3",
      "ancestor=nginx",
      "ancestor=nginx:1.25",
    ],
    ...["ancestor=fee", "label=tier", "label=tier=front", "label=empty="],
  ]) {
    assert.ok(matches(text), text);
  }
  for (const text of [
    "id=bc",
    "name=db",
    "status=running",
    "exited=0",
    "ancestor=ngin",
    "label=tier=back",
    "label=x",
  ]) {
    assert.ok(!matches(text), text);
  }
});

test("equal names are alternatives, labels and different names are not", () => {
  assert.ok(matches("name=db", "name=web"));
  assert.ok(!matches("label=tier", "label=x"));
  assert.ok(!matches("name=web", "status=running"));
  assert.ok(matches());
});

test("an unknown filter is refused with those that there are", () => {
  assert.throws(() => containerFilter(["color=red"]), /one of id, name, status/);
  assert.throws(() => containerFilter(["name"]), /NAME=VALUE/);
  assert.ok(containerFilter(["status=exited"]).namesState);
});
