import assert from "node:assert/strict";
import { describe, it, test } from "node:test";
import type { RuntimeProcess } from "../../spec/index.ts";
import { CAPABILITIES } from "../config/capabilities.ts";
import { Registers, SectionBuilder } from "./builder.ts";
import { capabilityMasks, compileIdentity, environmentOf } from "./identity.ts";

const bit = (name: string) => 2 ** CAPABILITIES.indexOf(name);
const all = 2 ** CAPABILITIES.length - 1;
const host = { capabilities: { permitted: all, bounding: all } };
const three = ["CAP_AUDIT_WRITE", "CAP_KILL", "CAP_NET_BIND_SERVICE"];
const mask = three.map(bit).reduce((sum, value) => sum + value);

describe("capabilityMasks", () => {
  it("leaves out silently what is ambient without being inheritable, as `runc spec` writes it", () => {
    const warnings: string[] = [];
    const sets = { bounding: three, effective: three, permitted: three, ambient: three };
    assert.deepEqual(capabilityMasks(sets, host, warnings), {
      bounding: mask,
      effective: mask,
      permitted: mask,
      inheritable: 0,
      ambient: 0,
    });
    assert.deepEqual(warnings, []);
  });

  it("warns of what the host lacks, and of what does not exist", () => {
    const warnings: string[] = [];
    const poor = { capabilities: { permitted: all - bit("CAP_KILL"), bounding: all } };
    const { permitted } = capabilityMasks({ permitted: [...three, "CAP_FUTURE"] }, poor, warnings);
    assert.equal(permitted, mask - bit("CAP_KILL"));
    assert.match(warnings.join(), /ignoring unknown or unavailable capabilities: \[CAP_FUTURE CAP_KILL\]/);
  });
});

describe("compileIdentity", () => {
  const limits = (process: Partial<RuntimeProcess>) => {
    const c = new SectionBuilder("container", new Registers());
    const base = { user: { uid: 0, gid: 0 }, cwd: "/", args: ["true"] };
    compileIdentity(
      c,
      { process: { ...base, ...process }, host, linux: undefined, labels: [], at: "/process" },
      [],
    );
    return c.operations.filter(({ op }) => op === "setLimit" || op === "capLimit");
  };

  it("caps the open files of a process whose limits say nothing of them", () => {
    assert.deepEqual(limits({}), [{ op: "capLimit", at: "", resource: 7, soft: 1024 }]);
    const other = limits({ rlimits: [{ type: "RLIMIT_CORE", soft: 0, hard: 0 }] });
    assert.deepEqual(
      other.map(({ op }) => op),
      ["setLimit", "capLimit"],
    );
    const given = limits({ rlimits: [{ type: "RLIMIT_NOFILE", soft: 5000, hard: 6000 }] });
    assert.deepEqual(
      given.map(({ op }) => op),
      ["setLimit"],
    );
  });
});

test("environment: of two variables with one name the later counts, and an empty HOME is for the executor to find", () => {
  const of = (env?: readonly string[]) =>
    environmentOf({ ...(env === undefined ? {} : { env }), user: { uid: 0, gid: 0 }, cwd: "/" });
  assert.deepEqual(of(["A=1", "B=2", "A=3=4"]), ["B=2", "A=3=4"]);
  assert.deepEqual(of(["HOME=/a", "HOME="]), []);
  assert.deepEqual(of(["HOME=", "HOME=/a"]), ["HOME=/a"]);
  assert.deepEqual(of(), []);
});
