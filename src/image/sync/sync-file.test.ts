import assert from "node:assert/strict";
import { test } from "node:test";
import { isCortenError } from "../../spec/index.ts";
import { parseSyncFile } from "./sync-file.ts";

test("a file of skopeo's is read, tags as they are written", async () => {
  const digest = `sha256:${"0".repeat(64)}`;
  const text = `
# the example of skopeo-sync(1)
registry.example.com:
    images:
        busybox: []
        empty:
        redis:
            - "1.0"
            - 1.10
            - "${digest}"
    images-by-tag-regex:
        nginx: ^1\\.13\\.[12]-alpine-perl$
    images-by-semver:
        alpine: ">= 3.12.0"
    credentials:
        username: john
        password: this is a secret
    tls-verify: true
    cert-dir: /home/john/certs
quay.io:
    tls-verify: false
    images:
        coreos/etcd:
            - latest
`;
  const [first, second] = await parseSyncFile(text, "sync.yml");
  assert.deepEqual(
    first!.repositories.map(({ name, selection }) => [
      name.slice("registry.example.com/".length),
      selection.kind,
    ]),
    [
      ["busybox", "all"],
      ["empty", "all"],
      ["redis", "named"],
      ["nginx", "matching"],
      ["alpine", "versions"],
    ],
  );
  assert.deepEqual(first!.repositories[2]!.selection, { kind: "named", names: ["1.0", "1.10", digest] });
  assert.deepEqual(first!.access, {
    credentials: { username: "john", password: "this is a secret" },
    certificateDirectory: "/home/john/certs",
  });
  const { access, repositories } = second!;
  assert.deepEqual([access, repositories[0]!.name], [{ insecure: true }, "quay.io/coreos/etcd"]);
  const [json] = await parseSyncFile('{"quay.io": {"images": {"a": ["1"]}}}', "sync.json");
  assert.equal(json!.registry, "quay.io");
});

test("what is wrong in a file is named with its place", async () => {
  const cases: [text: string, message: RegExp][] = [
    ["", /is not an object/],
    ["a: [", /is not valid YAML: /],
    ["r.io: {image: {a: []}}", /\/r\.io\/image is none of images, /],
    ["r.io: {tls-verify: true}", /\/r\.io names no images/],
    ["r.io: {images: {A: []}}", /\/r\.io\/images\/A is under a name that is no repository/],
    ["r.io: {images: {a: ['b c']}}", /\/r\.io\/images\/a\/0 is neither a tag nor a digest/],
    ["r.io: {images: {a: ['sha256:12']}}", /\/images\/a\/0 is neither/],
    ["r.io: {images-by-tag-regex: {a: '['}}", /\/images-by-tag-regex\/a is not a regular expression/],
    ["r.io: {images-by-semver: {a: new}}", /\/images-by-semver\/a invalid range/],
    ["r.io: {images: {a: []}, tls-verify: maybe}", /\/tls-verify is neither true nor false/],
    ["r.io: {images: {a: []}, credentials: {username: x}}", /\/credentials\/password is missing/],
    ["r.io: {images: {a: []}}\nr.io: {images: {b: []}}", /is not valid YAML: Map keys must be unique/],
  ];
  for (const [text, message] of cases) {
    await assert.rejects(parseSyncFile(text, "sync.yml"), (error) => {
      assert.ok(isCortenError(error, "invalid-argument"), String(error));
      assert.match(error.message, message);
      return true;
    });
  }
});

test("a file that unfolds to millions of entries is refused", async () => {
  const levels = Array.from({ length: 12 }, (_, at) => {
    const below = at === 0 ? "x" : `*l${at - 1}`;
    return `l${at}: &l${at} [${Array(9).fill(below).join(", ")}]`;
  });
  await assert.rejects(parseSyncFile(levels.join("\n"), "bomb"), (error) =>
    isCortenError(error, "invalid-argument"),
  );
});
