import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { parseRoute } from "./route.ts";

test("a path means the same whatever words of the protocol its repository has in its name", () => {
  const name = fc
    .array(fc.constantFrom("blobs", "manifests", "uploads", "tags", "list", "referrers", "a"), {
      minLength: 1,
    })
    .map((parts) => parts.join("/"));
  fc.assert(
    fc.property(name, (repository) => {
      const digest = `sha256:${"0".repeat(64)}`;
      for (const [path, route] of [
        [`manifests/latest`, { kind: "manifest", repository, reference: "latest" }],
        [`manifests/${digest}`, { kind: "manifest", repository, reference: digest }],
        [`blobs/${digest}`, { kind: "blob", repository, digest }],
        [`blobs/${encodeURIComponent(digest)}`, { kind: "blob", repository, digest }],
        [`blobs/uploads/`, { kind: "uploads", repository }],
        [`blobs/uploads`, { kind: "uploads", repository }],
        [`blobs/uploads/123`, { kind: "upload", repository, id: "123" }],
        [`tags/list`, { kind: "tags", repository }],
        [`referrers/${digest}`, { kind: "referrers", repository, digest }],
      ] as const) {
        assert.deepEqual(parseRoute(`/v2/${repository}/${path}`), route);
      }
    }),
  );
});

test("what names nothing is no route, and no text is too strange", () => {
  for (const path of ["/v2/a", "/v2/a/tags/other", "/v2/manifests/x", "/v2/blobs/uploads/", "/v2//"]) {
    assert.equal(parseRoute(path), undefined, path);
  }
  fc.assert(fc.property(fc.string(), (text) => void parseRoute(`/v2/${text}`)));
  assert.deepEqual(parseRoute("/v2/a/manifests/%E0%A4%A"), {
    kind: "manifest",
    repository: "a",
    reference: "%E0%A4%A",
  });
});
