import assert from "node:assert/strict";
import { test } from "node:test";
import { loadDigestFunction, openHash } from "./content-hash.ts";

/** Of "" and "abc": from FIPS 180-4 and from BLAKE3's own test vectors. */
const KNOWN = {
  sha256: [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
  ],
  blake3: [
    "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262",
    "6437b3ac38465133ffb63b75273a8db548c558465d79db03fd359c6cd5bd9d85",
  ],
} as const;

test("digests are those of the standards, in parts as well, and a copy goes on by itself", async () => {
  const digestOf = await loadDigestFunction();
  for (const algorithm of ["sha256", "blake3"] as const) {
    const [empty, abc] = KNOWN[algorithm];
    assert.equal((await openHash(algorithm)).digest("hex"), empty);
    assert.equal(digestOf(algorithm, Buffer.from("abc")), abc);
    const hash = await openHash(algorithm);
    hash.update(Buffer.from("ab"));
    const copy = hash.copy();
    hash.update(Buffer.from("d"));
    copy.update(Buffer.from("c"));
    assert.equal(copy.digest("hex"), abc);
    assert.equal(hash.digest("hex"), digestOf(algorithm, Buffer.from("abd")));
  }
});

test("large content in pieces of every size has one digest", async () => {
  const digestOf = await loadDigestFunction();
  const content = Buffer.alloc(3_000_000, "corten");
  for (const algorithm of ["sha256", "sha512", "blake3"] as const) {
    for (const size of [1023, 1024, 65_536, 1_000_001]) {
      const hash = await openHash(algorithm);
      for (let at = 0; at < content.length; at += size) hash.update(content.subarray(at, at + size));
      assert.equal(hash.digest("hex"), digestOf(algorithm, content), `${algorithm} by ${size}`);
    }
  }
});
