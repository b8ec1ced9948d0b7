import assert from "node:assert/strict";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { readResctrl, removeRdt, resctrlAt, updateRdt } from "./resctrl.ts";

describe("resctrl of this host", () => {
  const root = mkdtempSync(join(tmpdir(), "corten-resctrl-"));
  after(() => rmSync(root, { recursive: true }));
  mkdirSync(join(root, "info/L3_MON"), { recursive: true });
  mkdirSync(join(root, "info/MB"));
  writeFileSync(join(root, "info/L3_MON/mon_features"), "llc_occupancy\nmbm_total_bytes\n");
  mkdirSync(join(root, "gold"));
  writeFileSync(join(root, "gold/schemata"), "MB:0=100\n");
  writeFileSync(join(root, "schemata"), "MB:0=90\n");

  it("tells what there is, and what the container's group has", () => {
    const facts = resctrlAt(root, { closID: "gold" }, "box");
    assert.deepEqual([...facts.resources].sort(), ["L3_MON", "MB"]);
    assert.deepEqual(facts.monitored, ["llc_occupancy", "mbm_total_bytes"]);
    assert.equal(facts.schemata, "MB:0=100\n");
    assert.equal(resctrlAt(root, { closID: "/" }, "box").schemata, "MB:0=90\n");
    assert.equal(resctrlAt(root, {}, "box").schemata, undefined);
  });

  it("is looked for only when it is asked for", () => {
    assert.equal(readResctrl({ ociVersion: "1.3.0" }, "box", []), undefined);
    assert.equal(readResctrl({ ociVersion: "1.3.0", linux: { intelRdt: {} } }, "box", []), undefined);
  });

  it("is divided anew, and loses what was a container's own", () => {
    const group = join(root, "gold");
    updateRdt({ group, own: [] }, { memBwSchema: "MB:0=30" });
    // A plain file keeps the byte that the kernel's has not.
    assert.equal(readFileSync(join(group, "schemata"), "utf8"), "MB:0=30\n\n");
    assert.throws(() => updateRdt(undefined, { memBwSchema: "MB:0=30" }), { code: "failed-precondition" });
    const absent = { group: join(root, "none"), own: [] };
    assert.throws(
      () => updateRdt(absent, { l3CacheSchema: "L3:0=f" }),
      /cannot write "L3:0=f\\n" to .*ENOENT/,
    );
    mkdirSync(join(root, "box"));
    removeRdt({ group: join(root, "box"), own: [join(root, "none"), join(root, "box")] });
    assert.equal(existsSync(join(root, "box")), false);
  });
});
