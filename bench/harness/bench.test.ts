import assert from "node:assert/strict";
import { test } from "node:test";
import { ratiosOf } from "./bench.ts";
import { spreadOf } from "./statistics.ts";

const entry = (name: string, median: number) => ({ name, unit: "ms", spread: spreadOf([median]) });

test("a budget is against the best peer that was measured", () => {
  const entries = [
    entry("corten", 30),
    entry("docker", 100),
    entry("podman", 60),
    { name: "ctr", failure: "gone" },
  ];
  const budgets = [
    { ours: "corten", peers: ["docker", "podman", "ctr"], limit: 0.6 },
    { ours: "corten", peers: ["docker"], limit: 0.2 },
    { ours: "corten", peers: ["ctr"], limit: 1 },
  ];
  assert.deepEqual(ratiosOf(entries, budgets), [
    { ours: "corten", peer: "podman", ratio: 0.5, limit: 0.6, kept: true },
    { ours: "corten", peer: "docker", ratio: 0.3, limit: 0.2, kept: false },
  ]);
});
