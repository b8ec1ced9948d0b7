import assert from "node:assert/strict";
import { test } from "node:test";
import { crc32c } from "./crc32c.ts";

test("the check value of the Castagnoli polynomial", () => {
  // RFC 3720 inverts at the end; the kernel does not.
  assert.equal(~crc32c(Buffer.from("123456789")) >>> 0, 0xe3069283);
  assert.equal(~crc32c(Buffer.alloc(32)) >>> 0, 0x8a9136aa);
});
