import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { after, before, describe, test } from "node:test";
import {
  commandOutput,
  isInstalled,
  makeBusyboxImage,
  type Registry,
  startRegistry,
} from "../support/index.ts";
import { cortenIn } from "./corten-in.ts";

const { scratch, at, run, must } = cortenIn("cli-places");
const skopeo = (subcommand: string, ...args: string[]) => commandOutput("skopeo", [subcommand, ...args]);

describe("inspect, list-tags and delete", {
  skip: !isInstalled("skopeo") || !isInstalled("docker-registry"),
}, () => {
  let registry: Registry;
  let remote: string;
  before(async () => {
    registry = await startRegistry();
    remote = `docker://${registry.address}/places/app`;
    await makeBusyboxImage(at("busybox.tar"), "corten-test/busybox:1");
    for (const to of [`oci:${at("layout")}:v1`, `${remote}:v1`, "corten:places/app:1"]) {
      await must("copy", "-q", `docker-archive:${at("busybox.tar")}`, to);
    }
  });
  after(async () => {
    await registry[Symbol.asyncDispose]();
    scratch[Symbol.dispose]();
  });

  test("inspect prints what skopeo prints, and the layers' sizes", async () => {
    for (const place of [`${remote}:v1`, `oci:${at("layout")}:v1`]) {
      const tls = place.startsWith("docker:") ? ["--tls-verify=false"] : [];
      const { LayersData, ...ours } = JSON.parse(await must("inspect", place));
      assert.deepEqual(ours, JSON.parse(await skopeo("inspect", ...tls, place)));
      assert.deepEqual(
        LayersData.map(({ Digest }: { Digest: string }) => Digest),
        ours.Layers,
      );
      assert.equal(await must("inspect", "--raw", place), await skopeo("inspect", "--raw", ...tls, place));
      const raw = ["inspect", "--config", "--raw"] as const;
      assert.equal(await must(...raw, place), await skopeo(...raw, ...tls, place));
      assert.deepEqual(
        JSON.parse(await must("inspect", "--config", place)),
        JSON.parse(await skopeo("inspect", "--config", "--raw", ...tls, place)),
      );
      const format = ["inspect", "--format", "{{.Digest}} {{.Os}}"] as const;
      assert.equal(await must(...format, place), await skopeo(...format, ...tls, place));
    }
    assert.deepEqual(JSON.parse(await must("inspect", "-n", `${remote}:v1`)).RepoTags, []);
    assert.equal(
      await must("inspect", "--raw", "corten:places/app:1"),
      await must("inspect", "--raw", `${remote}:v1`),
    );
    const twice = await run("inspect", `${remote}:v1`, `${remote}:v1`);
    assert.match(twice.stderr, /one place is inspected at a time/);
  });

  test("list-tags, of a registry and of what is on disk", async () => {
    await must("copy", "-q", `${remote}:v1`, `${remote}:v2`);
    const ours = JSON.parse(await must("list-tags", remote));
    assert.deepEqual(ours, JSON.parse(await skopeo("list-tags", "--tls-verify=false", remote)));
    assert.deepEqual(ours.Tags, ["v1", "v2"]);
    assert.deepEqual(JSON.parse(await must("list-tags", `oci:${at("layout")}`)), { Tags: ["v1"] });
    const archive = `docker-archive:${at("busybox.tar")}`;
    assert.equal(await must("list-tags", archive), await skopeo("list-tags", archive));
    const one = await run("list-tags", `${remote}:v1`);
    assert.match(one.stderr, /names one image\nhint: .*leave the tag out/);
    assert.match(
      (await run("list-tags", `docker://${registry.address}/none`)).stderr,
      /not found in the registry/,
    );
  });

  test("delete, in a registry with all tags and in a layout with all blobs", async () => {
    await must("copy", "-q", `${remote}:v1`, `docker://${registry.address}/gone/app:1`);
    await must("copy", "-q", `${remote}:v1`, `docker://${registry.address}/gone/app:2`);
    assert.equal(await must("delete", `docker://${registry.address}/gone/app:2`), "");
    const left = await must("list-tags", `docker://${registry.address}/gone/app`);
    assert.deepEqual(JSON.parse(left).Tags ?? [], []);
    const again = await run("delete", `docker://${registry.address}/gone/app:2`);
    assert.match(again.stderr, /not found in the registry/);
    await must("copy", "-q", `oci:${at("layout")}:v1`, `oci:${at("gone")}:v1`);
    await must("delete", `oci:${at("gone")}:v1`);
    assert.deepEqual(readdirSync(at("gone/blobs/sha256")), []);
    assert.match((await run("delete", "places/app:1")).stderr, /corten rmi/);
    assert.match((await run("delete", `dir:${at("x")}`)).stderr, /in registries and layouts only/);
    // Distribution 2.8 deletes no single tag; it says so.
    assert.match(
      (await run("delete", "--tag-only", `${remote}:v1`)).stderr,
      /delete v1 in .*: .*DIGEST_INVALID|405/,
    );
  });
});
