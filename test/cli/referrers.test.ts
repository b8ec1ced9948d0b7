/** What is about an image goes with it through the store, layouts and registries, also what cosign keeps under tags. */
import assert from "node:assert/strict";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { createRegistry, memoryStorage } from "../../src/registry/index.ts";
import type { Descriptor } from "../../src/spec/index.ts";
import { commandOutput, corten } from "../support/index.ts";
import { cortenIn } from "./corten-in.ts";

const { scratch, at, must } = cortenIn("referrers");

interface Found {
  readonly digest: string;
  readonly artifactType?: string;
  readonly tag?: string;
  readonly referrers: readonly Found[];
}

describe("what is about an image", () => {
  const registry = createRegistry({ storage: memoryStorage() });
  const server = createServer(registry.handler);
  let host: string;
  let digest: string;

  /** The tree of what is about the image at a place, without names. */
  async function discover(place: string): Promise<Found> {
    const plain = ({ digest: own, artifactType, tag, referrers }: Found): Found => ({
      digest: own,
      ...(artifactType === undefined ? {} : { artifactType }),
      ...(tag === undefined ? {} : { tag }),
      referrers: referrers.map(plain).sort((a, b) => (a.digest < b.digest ? -1 : 1)),
    });
    return plain(JSON.parse(await must("artifact", "discover", "--format", "json", place)) as Found);
  }
  const written = (...args: string[]) => commandOutput(corten, ["artifact", ...args], { cwd: scratch.path });

  before(async () => {
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
    for (const name of ["sbom.json", "signature"]) writeFileSync(at(name), `{"this is":"${name}"}`);
    await must("pull", "-q", "corten/hello");
    digest = await must("copy", "-q", "corten:corten/hello", `docker://${host}/app:1`);
    const about = await written("attach", "-q", "--artifact-type", "x/sbom", `${host}/app:1`, "sbom.json");
    await written("attach", "-q", "--artifact-type", "x/sig", `${host}/app@${about}`, "signature");
    await written("push", "-q", `${host}/app:${digest.replace(":", "-")}.sig`, "signature:x/simple");
  });
  after(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
    await registry[Symbol.asyncDispose]();
    scratch[Symbol.dispose]();
  });

  test("is found in a registry, by referrers and by cosign's tags", async () => {
    const { referrers } = await discover(`${host}/app:1`);
    assert.deepEqual(referrers.map(({ artifactType, tag }) => [artifactType, tag]).sort(), [
      ["application/vnd.unknown.artifact.v1", `${digest.replace(":", "-")}.sig`],
      ["x/sbom", undefined],
    ]);
    const sbom = referrers.find(({ artifactType }) => artifactType === "x/sbom")!;
    assert.deepEqual(
      sbom.referrers.map(({ artifactType }) => artifactType),
      ["x/sig"],
    );
  });

  test("comes into the store, stays there, and goes on from there", async () => {
    const expected = await discover(`${host}/app:1`);
    await must("copy", "-q", "--referrers", `docker://${host}/app:1`, "corten:kept:1");
    assert.deepEqual(await discover("corten:kept:1"), expected);
    await must("image", "prune", "--force");
    await must("rmi", "corten/hello");
    assert.deepEqual(await discover("corten:kept:1"), expected, "a collection keeps it");

    const { manifests } = JSON.parse(readFileSync(at("data/content/index.json"), "utf8")) as {
      manifests: readonly Descriptor[];
    };
    assert.equal(manifests.length, 4, "other tools see it in the layout");
    await must("copy", "-q", "--referrers", "corten:kept:1", `docker://${host}/passed-on:2`);
    assert.deepEqual(await discover(`${host}/passed-on:2`), expected);
    await must("copy", "-q", "--referrers", "corten:kept:1", `oci:${at("layout")}:1`);
    assert.deepEqual(await discover(`oci:${at("layout")}:1`), expected);
    await must("copy", "-q", "--referrers", `oci:${at("layout")}:1`, "corten:again:1");
    assert.deepEqual(await discover("corten:again:1"), expected);

    const blobs = expected.referrers.map((found) =>
      join(at("data/content/blobs"), found.digest.replace(":", "/")),
    );
    await must("rmi", "kept:1");
    assert.ok(blobs.every(existsSync), "another name keeps the image");
    await must("rmi", "again:1");
    assert.ok(!blobs.some(existsSync), "with its last name the image goes, and what is about it");
    assert.equal(readFileSync(at("data/content/index.json"), "utf8").includes("digest"), false);
  });

  test("is brought by a sync later than the image, and then no more", async () => {
    const line = ["sync", "--referrers", "-s", "docker", "-d", "docker", `${host}/app`, `${host}/mirror`];
    assert.match(await must(...line), /^1 copied|1 copied, /m);
    const before = await discover(`${host}/mirror/app:1`);
    await written("attach", "-q", "--artifact-type", "x/late", `${host}/app:1`, "signature");
    assert.match(await must(...line), /copied .*\/app:1 /);
    const now = await discover(`${host}/mirror/app:1`);
    assert.equal(now.referrers.length, before.referrers.length + 1);
    assert.match(await must(...line), /^0 copied/m);
  });
});
