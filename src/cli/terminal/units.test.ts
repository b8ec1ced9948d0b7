import assert from "node:assert/strict";
import { test } from "node:test";
import {
  formatAge,
  formatBinarySize,
  formatDuration,
  formatSize,
  parseDuration,
  parseMoment,
} from "./units.ts";

test("sizes have three digits and decimal or binary units", () => {
  assert.equal(formatSize(0), "0B");
  assert.equal(formatSize(999), "999B");
  assert.equal(formatSize(1_234_567), "1.23MB");
  assert.equal(formatSize(142_000_000), "142MB");
  assert.equal(formatBinarySize(8_219_021_312), "7.65GiB");
});

test("durations use docker's words", () => {
  const second = 1000;
  for (const [seconds, text] of [
    [0, "Less than a second"],
    [1, "1 second"],
    [59, "59 seconds"],
    [60, "About a minute"],
    [150, "2 minutes"],
    [3600, "About an hour"],
    [3600 * 47, "47 hours"],
    [3600 * 24 * 10, "10 days"],
    [3600 * 24 * 20, "2 weeks"],
    [3600 * 24 * 100, "3 months"],
    [3600 * 24 * 365 * 3, "3 years"],
  ] as const) {
    assert.equal(formatDuration(seconds * second), text);
  }
  assert.equal(formatAge(undefined), "N/A");
  assert.equal(formatAge(new Date(0)), "N/A");
  assert.equal(formatAge(new Date(1000), 11_000), "10 seconds ago");
});

test("moments are dates, seconds or durations before now", () => {
  assert.equal(parseDuration("1h30m"), 5_400_000);
  assert.equal(parseDuration("1 hour"), undefined);
  assert.equal(parseMoment("10s", 100_000)?.getTime(), 90_000);
  assert.equal(parseMoment("1700000000")?.getTime(), 1_700_000_000_000);
  assert.equal(parseMoment("2026-01-31T12:00:00Z")?.toISOString(), "2026-01-31T12:00:00.000Z");
  assert.equal(parseMoment("yesterday"), undefined);
});
