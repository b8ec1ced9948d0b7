import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { isCortenError } from "../spec/index.ts";
import type { Place } from "./address.ts";
import { parsePlace, printPlace } from "./address.ts";

test("places are written with skopeo's transport names", () => {
  const cases: [text: string, place: Place][] = [
    [
      "docker://alpine",
      { kind: "registry", reference: { registry: "docker.io", repository: "library/alpine", tag: "latest" } },
    ],
    ["oci:dir", { kind: "layout", path: "dir" }],
    ["oci:/a/b:v1", { kind: "layout", path: "/a/b", ref: "v1" }],
    ["oci:/a/b:localhost:5000/x:1", { kind: "layout", path: "/a/b", ref: "localhost:5000/x:1" }],
    ["oci-archive:x.tar:v1", { kind: "oci-archive", path: "x.tar", ref: "v1" }],
    ["dir:/a/b", { kind: "directory", path: "/a/b" }],
    ["docker-archive:x.tar", { kind: "docker-archive", path: "x.tar" }],
    ["docker-archive:x.tar:alpine:3", { kind: "docker-archive", path: "x.tar", ref: "alpine:3" }],
    ["docker-archive:x.tar:@1", { kind: "docker-archive", path: "x.tar", index: 1 }],
    ["oci:dir:@0", { kind: "layout", path: "dir", index: 0 }],
    ["containers-storage:localhost/a:1", { kind: "containers-storage", name: "localhost/a:1" }],
    ["docker-daemon:a:1", { kind: "docker-daemon", name: "a:1" }],
  ];
  for (const [text, place] of cases) {
    assert.deepEqual(parsePlace(text), place);
    assert.deepEqual(parsePlace(printPlace(place)), place);
  }
});

test("a text that is no place is refused", () => {
  for (const text of [
    "",
    "alpine",
    "docker:alpine",
    "docker://Alpine",
    "oci:",
    "oci::x",
    "ftp:x",
    "__proto__:x",
    "oci:a:b c",
    "dir:",
    "dir:a:b",
    "docker-archive:x:A",
    "containers-storage:",
    "docker-daemon:a b",
  ]) {
    assert.throws(
      () => parsePlace(text),
      (error) => isCortenError(error, "invalid-argument"),
      text,
    );
  }
});

test("any text is refused or prints back to the same place", () => {
  const text = fc.tuple(
    fc.constantFrom(
      "docker://",
      "oci:",
      "oci-archive:",
      "docker-archive:",
      "dir:",
      "containers-storage:",
      "oci:x:@",
      "",
    ),
    fc.string(),
  );
  fc.assert(
    fc.property(text, ([scheme, rest]) => {
      let place: Place;
      try {
        place = parsePlace(scheme + rest);
      } catch (error) {
        assert.ok(isCortenError(error, "invalid-argument"));
        return;
      }
      assert.deepEqual(parsePlace(printPlace(place)), place);
    }),
  );
});
