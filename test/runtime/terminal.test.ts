import assert from "node:assert/strict";
import { it } from "node:test";
import { isRoot } from "../support/index.ts";
import { Containers, configure } from "./containers.ts";

it("a terminal is refused where nobody would hold it", { skip: !isRoot }, async () => {
  await using containers = new Containers();
  const { runtime, bundle } = containers;
  const config = configure(["/bin/true"], (change) => {
    Object.assign(change.process, { terminal: true });
  });
  assert.throws(() => runtime.prepareCreate({ id: containers.id(), bundle, config }), {
    code: "invalid-argument",
    pointer: "/process/terminal",
  });
});
