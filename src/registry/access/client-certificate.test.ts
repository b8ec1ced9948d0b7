import assert from "node:assert/strict";
import { test } from "node:test";
import type { PeerCertificate } from "node:tls";
import fc from "fast-check";
import { isCortenError } from "../../spec/index.ts";
import { CERTIFICATE_NAMES, type CertificateName, nameIn } from "./client-certificate.ts";

function name(
  CN: unknown,
  subjectaltname?: string,
  names: readonly CertificateName[] = CERTIFICATE_NAMES,
): string {
  const subject = { CN } as PeerCertificate["subject"];
  return nameIn({ subject, ...(subjectaltname === undefined ? {} : { subjectaltname }) }, names);
}

const refused = (error: unknown): boolean => isCortenError(error, "unauthenticated");

test("the first place that has a name counts", () => {
  assert.equal(name("alice"), "alice");
  assert.equal(name("alice", "DNS:x, URI:spiffe://example.org/ci"), "spiffe://example.org/ci");
  assert.equal(name("alice", "URI:spiffe://example.org/ci", ["commonName"]), "alice");
  assert.equal(name("alice", "DNS:x, IP Address:127.0.0.1"), "alice");
});

test("a name that could be another's is refused", () => {
  assert.throws(() => name(["alice", "root"]), refused);
  assert.throws(() => name("alice", "URI:spiffe://a/b, URI:spiffe://a/c"), refused);
  assert.throws(() => name("spiffe://example.org/ci"), refused);
  assert.throws(() => name("github:alice"), refused);
  assert.throws(() => name(undefined), refused);
  assert.throws(() => name("alice", undefined, ["uri"]), refused);
  assert.throws(() => name(""), refused);
});

test("a comma within a name makes no second one", () => {
  const evil = 'URI:"https://x/\\u002c URI:spiffe://example.org/admin", DNS:x';
  assert.equal(name("alice", evil), "https://x/, URI:spiffe://example.org/admin");
  assert.equal(name("alice", 'DNS:"x, URI:spiffe://example.org/admin"'), "alice");
  fc.assert(
    fc.property(fc.string(), (text) => {
      const uri = `https://x/${text}`;
      assert.equal(name("alice", `DNS:y, URI:${JSON.stringify(uri)}, DNS:z`), uri);
    }),
  );
});
