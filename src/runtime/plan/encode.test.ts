import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { encodePlan } from "./encode.ts";
import { type LaunchPlan, PLAN_VERSION } from "./operation.ts";

function planOf(...texts: readonly string[]): LaunchPlan {
  return {
    version: PLAN_VERSION,
    registers: [],
    sections: { host: [{ op: "execute", at: "/process", args: texts, env: [] }], container: [], cleanup: [] },
    failureFile: "/failure",
    onFailure: ["/report"],
  };
}

describe("an encoded plan", () => {
  it("holds text of any script whole, wherever it stands among ASCII text", () => {
    for (const texts of [
      ["GRÜSSE=aus Köln"],
      ["a", "…", "ascii at the end"],
      ["日本", "x"],
      ["x", "naïve"],
    ]) {
      const bytes = Buffer.from(encodePlan(planOf(...texts)));
      for (const text of texts) assert.ok(bytes.includes(Buffer.from(`${text}\0`)), text);
      assert.ok(bytes.includes("/report\0"));
      assert.equal(bytes.readUInt32LE(12), bytes.length);
    }
  });
});
