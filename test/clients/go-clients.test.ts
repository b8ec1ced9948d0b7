/** Clients that the Go module proxy serves, and that Debian does not, use our registry: oras, regctl, crane and helm. */
import assert from "node:assert/strict";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { type ServedRegistry, serveRegistry } from "../registry/registry-server.ts";
import { commandOutput, makeBusyboxImage, temporaryDirectory } from "../support/index.ts";
import { type GoProgram, goProgram } from "./go-programs.ts";

const BUILD_TIMEOUT = 900_000;

describe("clients from Go modules", { timeout: 1_800_000 }, () => {
  const scratch = temporaryDirectory("go-clients");
  const at = (name: string) => join(scratch.path, name);
  let registry: ServedRegistry;

  before(
    async () => {
      for (const name of ["oras", "regctl", "crane", "helm"] as const) goProgram(name);
      await makeBusyboxImage(at("busybox.tar"), "corten-test/busybox:1");
      registry = await serveRegistry(scratch.path);
    },
    { timeout: 4 * BUILD_TIMEOUT },
  );

  after(async () => {
    const code = await registry.end("SIGTERM");
    scratch[Symbol.dispose]();
    assert.equal(code, 0);
  });

  /** Runs a program with a home of its own, so that nobody's credentials are used. */
  const run = (name: GoProgram, ...args: string[]) =>
    commandOutput(goProgram(name), args, {
      cwd: scratch.path,
      env: { HOME: at("home"), XDG_CONFIG_HOME: at("home"), REGCTL_CONFIG: at("regctl.json") },
    });
  const name = (repository: string) => `${registry.address}/${repository}`;

  test("oras: push files, attach, discover by type, copy with referrers, pull, delete", async () => {
    writeFileSync(at("report.txt"), "all is well\n");
    writeFileSync(at("sbom.json"), "{}");
    const artifact = `${name("oras/artifact")}:1`;
    await run(
      "oras",
      "push",
      "--plain-http",
      "--artifact-type",
      "application/vnd.x.report",
      artifact,
      "report.txt:text/plain",
    );
    await run(
      "oras",
      "attach",
      "--plain-http",
      "--artifact-type",
      "application/vnd.x.sbom",
      artifact,
      "sbom.json",
    );
    await run(
      "oras",
      "attach",
      "--plain-http",
      "--artifact-type",
      "application/vnd.x.other",
      artifact,
      "sbom.json",
    );
    const found = await run(
      "oras",
      "discover",
      "--plain-http",
      "--format",
      "json",
      "--artifact-type",
      "application/vnd.x.sbom",
      artifact,
    );
    const types = [...found.matchAll(/"artifactType": "([^"]+)"/g)].map((match) => match[1]);
    assert.deepEqual(
      types.filter((type) => type !== "application/vnd.x.report"),
      ["application/vnd.x.sbom"],
    );
    await run(
      "oras",
      "cp",
      "--recursive",
      "--from-plain-http",
      "--to-plain-http",
      artifact,
      `${name("oras/copy")}:1`,
    );
    const copied = await run(
      "oras",
      "discover",
      "--plain-http",
      "--format",
      "json",
      `${name("oras/copy")}:1`,
    );
    assert.match(copied, /application\/vnd\.x\.other/);
    await run("oras", "pull", "--plain-http", "--output", at("pulled"), `${name("oras/copy")}:1`);
    assert.equal(readFileSync(at("pulled/report.txt"), "utf8"), "all is well\n");
    assert.equal(await run("oras", "repo", "tags", "--plain-http", name("oras/copy")), "1");
    assert.match(await run("oras", "repo", "ls", "--plain-http", registry.address), /^oras\/artifact$/m);
    await run("oras", "manifest", "delete", "--plain-http", "--force", artifact);
    await assert.rejects(run("oras", "manifest", "fetch", "--plain-http", artifact), /not found/i);
  });

  test("regctl: copy between repositories, artifacts, blobs, tags", async () => {
    await run("regctl", "registry", "set", "--tls", "disabled", registry.address);
    const image = `${name("regctl/image")}:1`;
    await run("regctl", "image", "import", image, at("busybox.tar"));
    await run("regctl", "image", "copy", image, `${name("regctl/copy")}:2`);
    const [one, two] = [image, `${name("regctl/copy")}:2`].map((each) =>
      run("regctl", "image", "digest", each),
    );
    assert.equal(await one, await two);
    await run(
      "regctl",
      "artifact",
      "put",
      "--artifact-type",
      "application/vnd.x.note",
      "--subject",
      image,
      "--file",
      at("busybox.tar"),
    );
    assert.match(await run("regctl", "artifact", "list", image), /application\/vnd\.x\.note/);
    writeFileSync(at("blob"), "a blob");
    const digest = await commandOutput(
      "sh",
      ["-c", `${goProgram("regctl")} blob put ${name("regctl/image")} < ${at("blob")}`],
      {
        env: { HOME: at("home"), REGCTL_CONFIG: at("regctl.json") },
      },
    );
    assert.equal(await run("regctl", "blob", "get", name("regctl/image"), digest), "a blob");
    await run("regctl", "tag", "delete", `${name("regctl/copy")}:2`);
    assert.equal(await run("regctl", "tag", "ls", name("regctl/copy")), "");
  });

  test("crane: push, an index, mutate, catalogue, pull, delete", async () => {
    const image = `${name("crane/image")}:1`;
    await run("crane", "push", "--insecure", at("busybox.tar"), image);
    await run("crane", "mutate", "--insecure", "--label", "a=b", "--tag", `${name("crane/image")}:2`, image);
    await run(
      "crane",
      "index",
      "append",
      "--insecure",
      "--manifest",
      image,
      "--manifest",
      `${name("crane/image")}:2`,
      "--tag",
      `${name("crane/image")}:all`,
    );
    assert.equal(await run("crane", "ls", "--insecure", name("crane/image")), "1\n2\nall");
    assert.match(await run("crane", "catalog", "--insecure", registry.address), /^crane\/image$/m);
    await run("crane", "validate", "--insecure", "--remote", `${name("crane/image")}:2`);
    const digest = await run("crane", "digest", "--insecure", image);
    await run(
      "crane",
      "pull",
      "--insecure",
      "--format",
      "oci",
      `${name("crane/image")}@${digest}`,
      at("crane-layout"),
    );
    assert.match(readFileSync(join(at("crane-layout"), "index.json"), "utf8"), new RegExp(digest));
    await run("crane", "delete", "--insecure", `${name("crane/image")}@${digest}`);
    await assert.rejects(run("crane", "manifest", "--insecure", image), /MANIFEST_UNKNOWN/);
  });

  test("helm: push a chart, pull it, show it", async () => {
    mkdirSync(at("charts"));
    await run("helm", "create", "charts/app");
    await run("helm", "package", "charts/app", "--destination", "charts", "--version", "1.2.3");
    await run("helm", "push", "charts/app-1.2.3.tgz", `oci://${name("helm")}`, "--plain-http");
    mkdirSync(at("pulled-charts"));
    await run(
      "helm",
      "pull",
      `oci://${name("helm/app")}`,
      "--version",
      "1.2.3",
      "--plain-http",
      "--destination",
      "pulled-charts",
    );
    assert.deepEqual(
      readFileSync(at("pulled-charts/app-1.2.3.tgz")),
      readFileSync(at("charts/app-1.2.3.tgz")),
    );
    assert.match(
      await run("helm", "show", "chart", `oci://${name("helm/app")}`, "--plain-http"),
      /^version: 1\.2\.3$/m,
    );
  });
});
