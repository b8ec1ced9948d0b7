import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { CAPABILITIES, capabilityMask, capabilityNumber, maskHas } from "./capabilities.ts";
import { signalNumber } from "./signals.ts";

describe("signalNumber", () => {
  it("reads names, numbers and real-time signals", () => {
    const table: ReadonlyArray<readonly [string | number, number]> = [
      ["SIGTERM", 15],
      ["term", 15],
      ["9", 9],
      [0, 0],
      ["SIGRTMIN", 34],
      ["RTMIN+3", 37],
      ["SIGRTMAX-1", 63],
      ["POLL", 29],
    ];
    for (const [text, number] of table) assert.equal(signalNumber(text), number, String(text));
  });

  it("refuses the rest", () => {
    for (const text of ["", "SIG", "NOPE", "65", "-1", 65, 1.5, "RTMIN+31", "toString"]) {
      assert.throws(() => signalNumber(text), { code: "invalid-argument" }, String(text));
    }
  });
});

describe("capabilities", () => {
  it("have the kernel's numbers", () => {
    assert.equal(capabilityNumber("CAP_SYS_ADMIN"), 21);
    assert.equal(capabilityNumber("cap_checkpoint_restore"), 40);
    assert.equal(capabilityNumber("CAP_NOPE"), undefined);
    assert.equal(CAPABILITIES.length, 41);
  });

  it("make masks beyond 32 bits", () => {
    const mask = capabilityMask([0, 40, 40, 31]);
    assert.equal(mask, 1 + 2 ** 31 + 2 ** 40);
    assert.ok(maskHas(mask, 40) && maskHas(mask, 31) && !maskHas(mask, 39));
  });
});
