import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { test } from "node:test";
import { ownerState, thisProcess } from "./owner.ts";

test("this process is alive", () => {
  assert.equal(ownerState(thisProcess()), "alive");
  assert.equal(thisProcess(), thisProcess());
});

test("same id, but another start, boot or namespace", { skip: process.platform !== "linux" }, () => {
  const [pid, start, namespace, boot] = thisProcess().split("/");
  assert.equal(ownerState([pid, "1", namespace, boot].join("/")), "dead");
  assert.equal(ownerState([pid, start, namespace, "another-boot"].join("/")), "dead");
  assert.equal(ownerState([pid, start, "1", boot].join("/")), "unknown");
  for (const bad of ["", "0", "-1", "../self", "4194305", "x"]) {
    assert.equal(ownerState([bad, start, namespace, boot].join("/")), "dead", bad);
  }
});

test("a process that ended", { skip: process.platform !== "linux" }, async () => {
  const child = spawn(process.execPath, ["-e", "setInterval(() => {}, 1000)"], { stdio: "ignore" });
  const [, , namespace, boot] = thisProcess().split("/");
  const { readFileSync } = await import("node:fs");
  const stat = readFileSync(`/proc/${child.pid}/stat`, "latin1");
  const start = stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19];
  const owner = [child.pid, start, namespace, boot].join("/");
  assert.equal(ownerState(owner), "alive");
  child.kill("SIGKILL");
  await once(child, "exit");
  assert.equal(ownerState(owner), "dead");
});
