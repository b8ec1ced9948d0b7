import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { RuntimeHooks } from "../../spec/index.ts";
import { Registers, SectionBuilder } from "./builder.ts";
import { compileHooks } from "./hooks.ts";

const KINDS = [
  "prestart",
  "createRuntime",
  "createContainer",
  "startContainer",
  "poststart",
  "poststop",
] as const;

function environment(kind: keyof RuntimeHooks, env?: readonly string[]): readonly string[] {
  const process = {
    args: ["true"],
    cwd: "/",
    user: { uid: 0, gid: 0 },
    env: ["A=1", "LD_PRELOAD=/x.so", "A=2"],
  };
  const hooks = { [kind]: [{ path: "/hook", ...(env === undefined ? {} : { env }) }] };
  const config = { ociVersion: "1.3.0", root: { path: "rootfs" }, process, hooks };
  const section = new SectionBuilder("container", new Registers());
  compileHooks(section, { id: "x", bundle: "/b", config }, kind, "creating");
  const [operation] = section.operations;
  assert.equal(operation?.op, "hook");
  return operation.env;
}

describe("the environment of a hook", () => {
  it("is what its entry lists, whatever its kind", () => {
    for (const kind of KINDS) {
      assert.deepEqual(environment(kind, ["B=1"]), ["B=1"], kind);
      assert.deepEqual(environment(kind, []), [], kind);
    }
  });

  it("is the process's for a startContainer hook that lists none, and nothing for one that runs on the host", () => {
    for (const kind of KINDS) {
      const expected = kind === "startContainer" ? ["LD_PRELOAD=/x.so", "A=2"] : [];
      assert.deepEqual(environment(kind), expected, kind);
    }
  });
});
