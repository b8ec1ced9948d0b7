import assert from "node:assert/strict";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, it } from "node:test";
import { formatIdentity, selfIdentity } from "../../host/index.ts";
import { defaultConfig } from "../config/default-config.ts";
import type { ContainerRecord } from "./container.ts";
import { removeUnfinished } from "./destroy.ts";
import {
  listIds,
  makeStateDirectory,
  newFailureFile,
  readRecord,
  removeStateDirectory,
  sweepFailures,
} from "./state-directory.ts";
import { describeContainer, observe } from "./status.ts";

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "corten-state-"));
});
afterEach(() => rmSync(root, { recursive: true }));

const dead = "1 1";
const record = (change: Partial<ContainerRecord> = {}): string =>
  JSON.stringify({
    version: 1,
    ociVersion: "1.3.0",
    id: "box",
    bundle: "/b",
    rootfs: "/b/rootfs",
    created: "2026-01-01T00:00:00.000Z",
    annotations: {},
    uid: 0,
    maker: dead,
    cgroups: [],
    cleanupPaths: [],
    config: defaultConfig(),
    ...change,
  } satisfies ContainerRecord);

describe("a container's directory", () => {
  it("appears whole, and only once", () => {
    assert.equal(makeStateDirectory(root, "box", { "state.json": record(), plan: new Uint8Array(3) }), true);
    assert.equal(makeStateDirectory(root, "box", { "state.json": "other" }), false);
    assert.equal(readRecord(root, "box")?.bundle, "/b");
    assert.deepEqual(readdirSync(root), ["box"]);
  });

  it("goes at once, and a second time is no error", () => {
    makeStateDirectory(root, "box", { "state.json": record() });
    removeStateDirectory(root, "box");
    removeStateDirectory(root, "box");
    assert.deepEqual(readdirSync(root), []);
  });

  it("is swept when its maker died half-way, and left alone while it lives", () => {
    const { pid, startTime } = selfIdentity();
    mkdirSync(join(root, `.new-${pid}-1-1`));
    mkdirSync(join(root, ".old-1-1-7"));
    mkdirSync(join(root, `.new-${pid}-${startTime}-9`));
    mkdirSync(join(root, "box"));
    assert.deepEqual(listIds(root), ["box"]);
    assert.deepEqual(readdirSync(root).sort(), [`.new-${pid}-${startTime}-9`, "box"].sort());
  });

  it("keeps accounts of failures for an hour", () => {
    const fresh = newFailureFile(root, "box");
    const stale = newFailureFile(root, "box");
    for (const file of [fresh, stale]) writeFileSync(file, "x");
    utimesSync(stale, 1, 1);
    sweepFailures(root);
    assert.deepEqual([existsSync(fresh), existsSync(stale)], [true, false]);
  });

  it("that cannot be read says so", () => {
    makeStateDirectory(root, "box", { "state.json": "{" });
    assert.throws(() => readRecord(root, "box"), { code: "data-loss" });
  });
});

describe("status", () => {
  const self = formatIdentity(selfIdentity());
  const status = (files: Readonly<Record<string, string>>) => {
    makeStateDirectory(root, "box", files);
    const { status: now, pid } = describeContainer(observe(root, "box"));
    return [now, pid];
  };

  it("is creating while the maker lives", () => {
    assert.deepEqual(status({ "state.json": record({ maker: self }) }), ["creating", 0]);
  });

  it("is stopped once the maker died before there was a process", () => {
    assert.deepEqual(status({ "state.json": record() }), ["stopped", 0]);
  });

  it("is created while the FIFO waits, then running", () => {
    assert.deepEqual(status({ "state.json": record(), init: `${self}\n`, "exec.fifo": "" }), [
      "created",
      process.pid,
    ]);
    rmSync(join(root, "box/exec.fifo"));
    assert.equal(observe(root, "box").status, "running");
  });

  it("is stopped for a process that is another's by now", () => {
    const { pid, startTime } = selfIdentity();
    assert.deepEqual(status({ "state.json": record(), init: `${pid} ${startTime - 1}\n` }), ["stopped", 0]);
  });
});

describe("an ID whose container was never finished", () => {
  it("is free again once its maker is dead", () => {
    makeStateDirectory(root, "box", { "state.json": record() });
    assert.equal(removeUnfinished(root, "box"), true);
    assert.deepEqual(listIds(root), []);
  });

  it("stays taken while the maker lives, or once there was a process", () => {
    makeStateDirectory(root, "box", { "state.json": record({ maker: formatIdentity(selfIdentity()) }) });
    assert.equal(removeUnfinished(root, "box"), false);
    removeStateDirectory(root, "box");
    makeStateDirectory(root, "box", { "state.json": record(), init: "1 1\n" });
    assert.equal(removeUnfinished(root, "box"), false);
  });
});
