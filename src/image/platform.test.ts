import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import type { Descriptor, Digest, Platform } from "../spec/index.ts";
import { isCortenError, MediaType } from "../spec/index.ts";
import { chooseManifest, flattenIndex } from "./choose.ts";
import {
  compatiblePlatforms,
  formatPlatform,
  hostPlatform,
  normalizePlatform,
  parsePlatform,
  platformRank,
} from "./platform.ts";

const names = (platform: string) => compatiblePlatforms(parsePlatform(platform)).map(formatPlatform);

describe("platforms", () => {
  test("parse and print", () => {
    const cases = {
      "linux/amd64": "linux/amd64",
      "linux/amd64/v1": "linux/amd64",
      "linux/amd64/v3": "linux/amd64/v3",
      "linux/x86_64": "linux/amd64",
      "linux/aarch64": "linux/arm64",
      "linux/arm64/v8": "linux/arm64",
      "linux/arm64/8": "linux/arm64",
      "linux/arm64/v9.0": "linux/arm64/v9",
      "linux/arm": "linux/arm/v7",
      "linux/arm/7": "linux/arm/v7",
      "linux/armhf": "linux/arm/v7",
      "linux/armel": "linux/arm/v6",
      "Linux/AMD64": "linux/amd64",
      arm64: "linux/arm64",
      "windows/amd64": "windows/amd64",
      "macos/arm64": "darwin/arm64",
    };
    for (const [text, expected] of Object.entries(cases))
      assert.equal(formatPlatform(parsePlatform(text)), expected, text);
    assert.equal(parsePlatform("linux").architecture, hostPlatform().architecture);
    for (const text of ["", "/", "linux/", "a/b/c/d", "linux/../x", "linux/amd64/v 1"]) {
      assert.throws(
        () => parsePlatform(text),
        (error) => isCortenError(error, "invalid-argument"),
        text,
      );
    }
  });

  test("what runs where, best first: containerd's order", () => {
    assert.deepEqual(names("linux/amd64"), ["linux/amd64", "linux/386"]);
    assert.deepEqual(names("linux/amd64/v3"), [
      "linux/amd64/v3",
      "linux/amd64/v2",
      "linux/amd64",
      "linux/386",
    ]);
    assert.deepEqual(names("linux/arm/v7"), ["linux/arm/v7", "linux/arm/v6", "linux/arm/v5"]);
    assert.deepEqual(names("linux/arm/v5"), ["linux/arm/v5"]);
    const arm = ["linux/arm/v8", "linux/arm/v7", "linux/arm/v6", "linux/arm/v5"];
    assert.deepEqual(names("linux/arm64"), ["linux/arm64", ...arm]);
    assert.deepEqual(names("linux/arm64/v8.2"), [
      "linux/arm64/v8.2",
      "linux/arm64/v8.1",
      "linux/arm64",
      ...arm,
    ]);
    assert.deepEqual(names("linux/arm64/v9.1").slice(0, 4), [
      "linux/arm64/v9.1",
      "linux/arm64/v9",
      "linux/arm64/v8.6",
      "linux/arm64/v8.5",
    ]);
    assert.deepEqual(names("linux/riscv64"), ["linux/riscv64"]);
  });

  const word = fc.constantFrom(
    "amd64",
    "arm64",
    "arm",
    "386",
    "riscv64",
    "s390x",
    "x86_64",
    "aarch64",
    "armhf",
  );
  const variant = fc.option(
    fc.constantFrom("v1", "v2", "v5", "v6", "v7", "v8", "v8.1", "v9.9", "8", "v99999999999"),
    { nil: undefined },
  );
  const platform: fc.Arbitrary<Platform> = fc
    .record({ os: fc.constantFrom("linux", "windows", "Linux"), architecture: word, variant })
    .map(({ variant, ...rest }) => (variant === undefined ? rest : { ...rest, variant }));

  test("normalising twice is normalising once; every platform runs its own image best", () => {
    fc.assert(
      fc.property(platform, (any) => {
        const once = normalizePlatform(any);
        assert.deepEqual(normalizePlatform(once), once);
        assert.deepEqual(parsePlatform(formatPlatform(once)), once);
        assert.equal(platformRank(any, once), 0);
        assert.equal(platformRank(any, { os: "unknown", architecture: "unknown" }), undefined);
        assert.ok(compatiblePlatforms(any).length <= 50);
      }),
    );
  });

  const descriptor = (platform: Platform | undefined, id: number): Descriptor => ({
    mediaType: MediaType.imageManifest,
    digest: `sha256:${String(id).padStart(64, "0")}` as Digest,
    size: 1,
    ...(platform === undefined ? {} : { platform }),
  });

  test("the choice is the best rank, the first of equals", () => {
    fc.assert(
      fc.property(
        fc.array(fc.option(platform, { nil: undefined }), { maxLength: 8 }),
        platform,
        (offered, wanted) => {
          const manifests = offered.map(descriptor);
          const ranks = offered.map((item) =>
            item === undefined ? Infinity : (platformRank(wanted, item) ?? NaN),
          );
          const usable = ranks.filter((rank) => !Number.isNaN(rank));
          const expected = usable.length === 0 ? undefined : manifests[ranks.indexOf(Math.min(...usable))];
          assert.equal(chooseManifest(manifests, wanted), expected);
        },
      ),
    );
  });

  test("attestations and artifacts are not chosen", () => {
    const wanted = parsePlatform("linux/amd64");
    const manifests = [
      descriptor({ os: "unknown", architecture: "unknown" }, 1),
      { ...descriptor(wanted, 2), annotations: { "vnd.docker.reference.type": "attestation-manifest" } },
      { ...descriptor(undefined, 3), artifactType: "application/x" },
    ];
    assert.equal(chooseManifest(manifests, wanted), undefined);
    assert.equal(chooseManifest([...manifests, descriptor(undefined, 4)], wanted)?.digest.at(-1), "4");
  });

  test("nested indexes are walked in place, loops and depth are bounded", async () => {
    const index = (id: number): Descriptor => ({
      ...descriptor(undefined, id),
      mediaType: MediaType.imageIndex,
    });
    const entries = new Map<string, Descriptor[]>([
      [
        index(1).digest,
        [
          descriptor(undefined, 10),
          index(2),
          descriptor(undefined, 12),
          { ...index(9), mediaType: "text/plain" },
        ],
      ],
      [index(2).digest, [descriptor(undefined, 11), index(1), index(2)]],
    ]);
    const flat = await flattenIndex(index(1), async ({ digest }) => ({
      schemaVersion: 2,
      manifests: entries.get(digest) ?? [],
    }));
    assert.deepEqual(
      flat.map(({ digest }) => Number(digest.slice(7))),
      [10, 11, 12],
    );
    let next = 100;
    const deep = flattenIndex(index(1), async () => ({ schemaVersion: 2, manifests: [index(next++)] }));
    await assert.rejects(deep, (error) => isCortenError(error, "resource-exhausted"));
    const wide = flattenIndex(index(1), async () => ({
      schemaVersion: 2,
      manifests: Array.from({ length: 100 }, () => index(next++)),
    }));
    await assert.rejects(wide, (error) => isCortenError(error, "resource-exhausted"));
  });
});
