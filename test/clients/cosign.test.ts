/** cosign signs what is in our registry, and finds there, and where Corten carries it, what it has signed. */
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { type ServedRegistry, serveRegistry } from "../registry/registry-server.ts";
import {
  commandOutput,
  corten,
  isInstalled,
  makeBusyboxImage,
  type Registry,
  startRegistry,
  temporaryDirectory,
} from "../support/index.ts";
import { goProgram } from "./go-programs.ts";

const BUILD_TIMEOUT = 1_800_000;
const SIGNING = ["--key", "cosign.key", "--tlog-upload=false", "--yes"];
const CHECKING = ["--key", "cosign.pub", "--insecure-ignore-tlog"];
/** Signatures as referrers, which this cosign makes when it is asked to. */
const EXPERIMENTAL = { COSIGN_EXPERIMENTAL: "1" };

describe("cosign", { timeout: 2 * BUILD_TIMEOUT, skip: !isInstalled("docker-registry") }, () => {
  const scratch = temporaryDirectory("cosign");
  const at = (name: string) => join(scratch.path, name);
  let registry: ServedRegistry;
  let debian: Registry;
  let digest: string;

  const cosign = (args: readonly string[], env: Readonly<Record<string, string>> = {}) =>
    commandOutput(goProgram("cosign"), args, {
      cwd: scratch.path,
      env: { HOME: scratch.path, COSIGN_PASSWORD: "of the test", ...env },
    });
  const own = (...args: string[]) => commandOutput(corten, ["--root", at("data"), ...args]);
  const name = (repository: string) => `${registry.address}/${repository}`;
  const tag = (suffix: string) => `${digest.replace(":", "-")}.${suffix}`;
  const tagsOf = async (host: string, repository: string): Promise<string[]> => {
    const response = await fetch(`http://${host}/v2/${repository}/tags/list`);
    return ((await response.json()) as { tags: string[] }).tags.sort();
  };

  /** Each way in which cosign looks for what it has made. */
  async function verify(image: string): Promise<void> {
    assert.match(await cosign(["verify", ...CHECKING, image]), new RegExp(digest));
    const attested = await cosign(["verify-attestation", ...CHECKING, "--type", "spdxjson", image]);
    assert.match(attested, /in-toto/);
  }
  const verifyReferrer = async (image: string) =>
    assert.match(
      await cosign(["verify", ...CHECKING, "--experimental-oci11", image], EXPERIMENTAL),
      new RegExp(digest),
    );

  /** A bundle of Sigstore, as cosign's third version makes them; nobody but the key's owner is trusted. */
  const verifyBundle = async (image: string) => {
    const words = ["--new-bundle-format", "--trusted-root", "nobody.json"];
    assert.match(await cosign(["verify", ...CHECKING, ...words, image]), new RegExp(digest));
  };

  before(
    async () => {
      goProgram("cosign");
      await makeBusyboxImage(at("busybox.tar"), "corten-test/busybox:1");
      registry = await serveRegistry(scratch.path);
      debian = await startRegistry();
      writeFileSync(at("sbom.json"), '{"spdxVersion":"SPDX-2.3"}');
      const image = `${name("team/app")}:1`;
      digest = await own("copy", "-q", `docker-archive:${at("busybox.tar")}`, `docker://${image}`);
      await own("copy", "-q", "--format", "v2s2", `docker://${image}`, `docker://${name("team/unsigned")}:1`);
      await cosign(["generate-key-pair"]);
      const pinned = `${name("team/app")}@${digest}`;
      await cosign(["sign", ...SIGNING, pinned]);
      await cosign(["sign", ...SIGNING, "--registry-referrers-mode=oci-1-1", pinned], EXPERIMENTAL);
      // In a repository of its own: where there is a bundle, cosign looks for nothing else.
      await own("copy", "-q", `docker://${image}`, `docker://${name("team/bundled")}:1`);
      await cosign(["trusted-root", "create", "--out", "nobody.json"]);
      await cosign(["sign", ...SIGNING, "--new-bundle-format", `${name("team/bundled")}@${digest}`]);
      await cosign(["attach", "sbom", "--sbom", "sbom.json", "--type", "spdx", pinned]);
      await cosign(["attest", ...SIGNING, "--predicate", "sbom.json", "--type", "spdxjson", pinned]);
    },
    { timeout: BUILD_TIMEOUT },
  );

  after(async () => {
    const code = await registry.end("SIGTERM");
    await debian[Symbol.asyncDispose]();
    scratch[Symbol.dispose]();
    assert.equal(code, 0);
  });

  test("what it signs, attaches and attests in our registry is found by it there", async () => {
    await verify(`${name("team/app")}:1`);
    await verifyReferrer(`${name("team/app")}:1`);
    await verifyBundle(`${name("team/bundled")}:1`);
    await assert.rejects(
      cosign(["verify", ...CHECKING, `${name("team/unsigned")}:1`]),
      /no signatures found/,
    );
    const tree = await cosign(["tree", `${name("team/app")}:1`]);
    for (const suffix of ["sig", "att", "sbom"]) assert.match(tree, new RegExp(tag(suffix)));
    assert.equal(await cosign(["triangulate", `${name("team/app")}:1`]), `${name("team/app")}:${tag("sig")}`);
    assert.match(await cosign(["download", "sbom", `${name("team/app")}:1`]), /SPDX-2\.3/);
    await cosign(["clean", "--force", "--type", "sbom", `${name("team/app")}:1`]);
    assert.deepEqual(await tagsOf(registry.address, "team/app"), ["1", tag("att"), tag("sig")].sort());
    const attach = ["attach", "sbom", "--sbom", "sbom.json", "--type", "spdx"];
    await cosign([...attach, `${name("team/app")}@${digest}`]);
  });

  test("it copies within our registry, and out and in again", async () => {
    await cosign(["copy", `${name("team/app")}:1`, `${name("copied/app")}:1`]);
    await verify(`${name("copied/app")}:1`);
    await cosign(["save", "--dir", at("saved"), `${name("team/app")}:1`]);
    await cosign(["load", "--dir", at("saved"), `${name("loaded/app")}:1`]);
    await verify(`${name("loaded/app")}:1`);
  });

  test("corten artifact discover shows all of it", async () => {
    const listed = JSON.parse(
      await own("artifact", "discover", "--format", "json", `${name("team/app")}:1`),
    ) as { referrers: { artifactType: string; tag?: string }[] };
    const found = listed.referrers.map(({ artifactType, tag: own = "" }) => `${artifactType} ${own}`);
    assert.deepEqual(
      found.sort(),
      [
        `application/vnd.dev.cosign.simplesigning.v1+json ${tag("sig")}`,
        `application/vnd.dsse.envelope.v1+json ${tag("att")}`,
        `text/spdx+json ${tag("sbom")}`,
        "application/vnd.dev.cosign.artifact.sig.v1+json ",
      ].sort(),
    );
    assert.match(
      await own("artifact", "discover", `${name("team/bundled")}:1`),
      /── application\/vnd\.dev\.sigstore\.bundle\.v0\.3\+json\n/,
    );
  });

  test("corten copy carries it to Debian's registry, straight and through store and layout, where cosign verifies it", async () => {
    for (const image of ["app", "bundled"]) {
      const from = `docker://${name(`team/${image}`)}:1`;
      const ways = {
        straight: [],
        store: [`corten:carried/${image}:1`],
        layout: [`oci:${at(`layout-${image}`)}:1`],
      };
      for (const [way, stations] of Object.entries(ways)) {
        const target = `${debian.address}/${way}/${image}:1`;
        const places = [from, ...stations, `docker://${target}`];
        for (const [position, place] of places.slice(0, -1).entries())
          await own("copy", "-q", "--referrers", place, places[position + 1]!);
        if (image === "bundled") await verifyBundle(target);
        else {
          await verify(target);
          await verifyReferrer(target);
        }
      }
    }
  });

  test("corten sync carries it, and a signature that was added later", async () => {
    const list = at("sync.yaml");
    writeFileSync(list, `${registry.address}:\n  tls-verify: false\n  images:\n    team/app: ["1"]\n`);
    const line = [
      "sync",
      "-q",
      "--referrers",
      "--src",
      "yaml",
      "--dest",
      "docker",
      list,
      `${debian.address}/synced`,
    ];
    await own(...line);
    await verify(`${debian.address}/synced/app:1`);
    await cosign(["generate-key-pair", "--output-key-prefix", "second"]);
    const signing = SIGNING.map((word) => (word === "cosign.key" ? "second.key" : word));
    await cosign(["sign", ...signing, `${name("team/app")}@${digest}`]);
    const second = [
      "verify",
      "--key",
      "second.pub",
      "--insecure-ignore-tlog",
      `${debian.address}/synced/app:1`,
    ];
    await assert.rejects(cosign(second));
    await own(...line);
    assert.match(await cosign(second), new RegExp(digest));
  });

  test("our mirror takes what cosign has signed, and leaves the rest", async () => {
    using directory = temporaryDirectory("cosign-mirror");
    const config = join(directory.path, "registry.json");
    const mirrors = [
      {
        name: "team",
        registry: registry.address,
        repositories: ["team/*"],
        onlySigned: true,
        prefix: "signed/",
      },
    ];
    writeFileSync(config, JSON.stringify({ access: "open", mirrors }));
    await using mirror = await serveRegistry(directory.path, { args: ["--config", config] });
    const root = join(directory.path, "root");
    const words = ["--root", root, "--format", "json", "registry", "mirror", "--config", config];
    const [report] = JSON.parse(await commandOutput(corten, words)) as { copied: number; unsigned: number }[];
    assert.deepEqual([report!.copied, report!.unsigned], [2, 1]);
    await verify(`${mirror.address}/signed/team/app:1`);
    await verifyReferrer(`${mirror.address}/signed/team/app:1`);
    await verifyBundle(`${mirror.address}/signed/team/bundled:1`);
  });
});
