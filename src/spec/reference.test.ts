import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { isCortenError } from "./error.ts";
import type { Reference } from "./reference.ts";
import { canonicalReference, familiarName, familiarReference, parseReference } from "./reference.ts";

const HEX = "0123456789abcdef".repeat(4);
const DIGEST = `sha256:${HEX}` as const;

test("a reference is read as Docker's users type it", () => {
  const cases: [typed: string, canonical: string, familiar: string][] = [
    ["alpine", "docker.io/library/alpine:latest", "alpine:latest"],
    ["alpine:3", "docker.io/library/alpine:3", "alpine:3"],
    ["docker.io/library/alpine:latest", "docker.io/library/alpine:latest", "alpine:latest"],
    ["docker.io/alpine", "docker.io/library/alpine:latest", "alpine:latest"],
    ["index.docker.io/a/b", "docker.io/a/b:latest", "a/b:latest"],
    ["a/b", "docker.io/a/b:latest", "a/b:latest"],
    ["library/alpine", "docker.io/library/alpine:latest", "alpine:latest"],
    ["localhost/x", "localhost/x:latest", "localhost/x:latest"],
    ["localhost:5000", "docker.io/library/localhost:5000", "localhost:5000"],
    ["Quay.IO/a/b:V1", "quay.io/a/b:V1", "quay.io/a/b:V1"],
    [`host:5000/a/b@${DIGEST}`, `host:5000/a/b@${DIGEST}`, `host:5000/a/b@${DIGEST}`],
    [`x:1@${DIGEST}`, `docker.io/library/x:1@${DIGEST}`, `x:1@${DIGEST}`],
    ["[::1]:5000/a:1", "[::1]:5000/a:1", "[::1]:5000/a:1"],
    ["[::1]/a", "[::1]/a:latest", "[::1]/a:latest"],
    ["a__b/c-d.e_f--g", "docker.io/a__b/c-d.e_f--g:latest", "a__b/c-d.e_f--g:latest"],
    [`docker.io/library/${HEX}`, `docker.io/library/${HEX}:latest`, `docker.io/library/${HEX}:latest`],
  ];
  for (const [typed, canonical, familiar] of cases) {
    const reference = parseReference(typed);
    assert.equal(canonicalReference(reference), canonical, typed);
    assert.equal(familiarReference(reference), familiar, typed);
  }
});

test("a bad reference is refused with the part at fault", () => {
  const cases: [typed: string, message: RegExp][] = [
    ["", /name is empty/],
    [":tag", /name is empty/],
    ["Alpine", /"Alpine" must be lower case/],
    ["host:5000/A/b", /"A\/b" must be lower case/],
    ["FOO/bar", /must be lower case/],
    ["a:b:c", /"a:b" is not a repository name/],
    ["a@b@c", /invalid digest "b@c"/],
    ["a@sha256:abc", /invalid sha256 digest/],
    ["a:", /"" is not a tag/],
    ["a:.x", /".x" is not a tag/],
    [`a:${"x".repeat(129)}`, /is not a tag/],
    ["a//b", /not a repository name/],
    ["a/../b", /not a repository name/],
    ["../b", /not a registry host/],
    ["host:99999/a", /"host:99999" is not a registry host/],
    ["host:/a", /"host:" is not a registry host/],
    ["-a.b/c", /not a registry host/],
    ["user:pw@host/a", /invalid digest/],
    ["http://host/a", /"http:" is not a registry host/],
    ["a b", /not a repository name/],
    ["a\u0000", /not a repository name/],
    [HEX, /image id/],
    ["a".repeat(250), /longer than 255/],
    ["a".repeat(10_000), /longer than/],
  ];
  for (const [typed, message] of cases) {
    assert.throws(
      () => parseReference(typed),
      (error) =>
        isCortenError(error, "invalid-argument") && message.test(error.message) && error.message.length < 800,
      typed.slice(0, 50),
    );
  }
  assert.throws(
    () => parseReference("Alpine:3"),
    (error) => isCortenError(error) && error.hint === 'did you mean "alpine:3"?',
  );
});

const component = fc.stringMatching(/^[a-z0-9]{1,6}(?:(?:[._]|__|-{1,3})[a-z0-9]{1,4}){0,2}$/);
const reference: fc.Arbitrary<Reference> = fc
  .record({
    registry: fc.oneof(
      fc.constant("docker.io"),
      fc.constant("localhost"),
      fc.stringMatching(/^[a-z][a-z0-9]{0,5}\.[a-z]{2,3}(?::[1-9][0-9]{0,3})?$/),
    ),
    path: fc.array(component, { minLength: 1, maxLength: 4 }),
    tag: fc.option(fc.stringMatching(/^[A-Za-z0-9_][A-Za-z0-9_.-]{0,20}$/), { nil: undefined }),
    digest: fc.option(fc.constant(DIGEST), { nil: undefined }),
  })
  .map(({ registry, path, tag, digest }) => ({
    registry,
    repository: registry === "docker.io" && path.length === 1 ? `library/${path[0]}` : path.join("/"),
    ...(tag === undefined && digest !== undefined ? {} : { tag: tag ?? "latest" }),
    ...(digest === undefined ? {} : { digest }),
  }));

test("both printed forms parse back to the same reference", () => {
  fc.assert(
    fc.property(reference, (value) => {
      assert.deepEqual(parseReference(canonicalReference(value)), value);
      assert.deepEqual(parseReference(familiarReference(value)), value);
      assert.ok(familiarReference(value).startsWith(familiarName(value)));
    }),
  );
});

test("any text is either refused or has a stable canonical form", () => {
  const text = fc.oneof(
    fc.string({ maxLength: 40 }),
    fc.string({ unit: fc.constantFrom(..."aA0.:/@-_[]"), maxLength: 20 }),
  );
  fc.assert(
    fc.property(text, (typed) => {
      let parsed: Reference;
      try {
        parsed = parseReference(typed);
      } catch (error) {
        assert.ok(isCortenError(error, "invalid-argument"), String(error));
        return;
      }
      assert.deepEqual(parseReference(canonicalReference(parsed)), parsed);
      assert.deepEqual(parseReference(familiarReference(parsed)), parsed);
    }),
    { numRuns: 2000 },
  );
});
