/** `corten search` against our registry, Debian's, and one with Docker's search; podman's answers beside it. */
import assert from "node:assert/strict";
import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { createRegistry, memoryStorage } from "../../src/registry/index.ts";
import type { Registry } from "../support/index.ts";
import { command, commandOutput, corten, isInstalled, startRegistry } from "../support/index.ts";
import { cortenIn } from "./corten-in.ts";

const { scratch, at, run, must } = cortenIn("search");

async function listen(handler: RequestListener): Promise<AsyncDisposable & { readonly address: string }> {
  const server = createServer(handler);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

const HUB = {
  results: [
    {
      name: "app",
      description: `It is\n${"long ".repeat(20)}`,
      star_count: 7,
      is_official: true,
      is_automated: false,
    },
    { name: "me/app", description: null, star_count: 2, is_official: false, is_automated: true },
  ],
};

describe("corten search", { skip: !isInstalled("podman") || !isInstalled("docker-registry") }, () => {
  const opened = new AsyncDisposableStack();
  let ours: string;
  let debian: string;
  let hub: string;

  before(async () => {
    const registry = opened.use(createRegistry({ storage: memoryStorage() }));
    ours = opened.use(await listen(registry.handler)).address;
    const other: Registry = opened.use(await startRegistry());
    debian = other.address;
    const answer: RequestListener = (request, response) => {
      const found = request.url?.startsWith("/v1/search?q=app&n=") === true;
      response.writeHead(found ? 200 : 404, { "content-type": "application/json" });
      response.end(JSON.stringify(found ? HUB : {}));
    };
    hub = opened.use(await listen(answer)).address;
    for (const host of [ours, debian])
      for (const name of ["app:1", "app:2", "team/app:1", "team/apple:1", "other:1"])
        await commandOutput(corten, ["artifact", "push", "-q", "--artifact-type", "x/y", `${host}/${name}`]);
  });
  after(async () => {
    await opened[Symbol.asyncDispose]();
    scratch[Symbol.dispose]();
  });

  const podman = (...args: string[]) => {
    const store = ["--storage-driver", "vfs", "--root", at("podman"), "--runroot", at("podman-run")];
    return commandOutput("podman", [...store, "search", "--tls-verify=false", ...args]);
  };
  const namesOf = (json: string) => (JSON.parse(json || "[]") as { Name: string }[]).map(({ Name }) => Name);

  test("our registry and Debian's give what podman finds there", async () => {
    for (const host of [ours, debian]) {
      for (const term of ["app", "team/app", "", "nothing", "OTHER"]) {
        const found = namesOf(await must("search", "--format", "json", `${host}/${term}`));
        if (term !== "OTHER")
          assert.deepEqual(found, namesOf(await podman("--format", "json", `${host}/${term}`)), term);
        else assert.deepEqual(found, [`${host}/other`]);
      }
      assert.deepEqual(
        namesOf(await must("search", "--limit", "1", "--format", "json", `${host}/team/app`)),
        [`${host}/team/app`],
      );
      const template = "{{.Index}} {{.Name}}|{{.Description}}|{{.Stars}}|{{.Official}}|{{.Automated}}";
      for (const format of ["json", template])
        assert.equal(
          await must("search", "--format", format, `${host}/app`),
          await podman("--format", format, `${host}/app`),
        );
    }
  });

  test("tags of a repository, as podman lists them", async () => {
    for (const host of [ours, debian]) {
      for (const more of [[], ["--limit", "1"]])
        assert.deepEqual(
          JSON.parse(await must("search", "--list-tags", ...more, "--format", "json", `${host}/app`)),
          JSON.parse(await podman("--list-tags", ...more, "--format", "json", `${host}/app`)),
        );
      assert.match(await must("search", "--list-tags", `${host}/app`), /^NAME +TAG\n(\S+\/app +[12]\n?){2}$/);
    }
    const { exitCode, stderr } = await run("search", "--list-tags", `${ours}/app:1`);
    assert.equal(exitCode, 1);
    assert.match(stderr, /names one image/);
  });

  test("stars, marks and descriptions come from registries that tell them", async () => {
    const all = JSON.parse(await must("search", "--no-trunc", "--format", "json", `${hub}/app`)) as object[];
    assert.deepEqual(all, [
      {
        Index: hub,
        Name: `${hub}/app`,
        Description: `It is ${"long ".repeat(20).trim()}`,
        Stars: 7,
        Official: "[OK]",
        Automated: "",
        Tag: "",
      },
      {
        Index: hub,
        Name: `${hub}/me/app`,
        Description: "",
        Stars: 2,
        Official: "",
        Automated: "[OK]",
        Tag: "",
      },
    ]);
    const table = await must("search", "--compatible", `${hub}/app`);
    assert.match(table, /^NAME +DESCRIPTION +STARS +OFFICIAL +AUTOMATED\n\S+ +It is.{39}\.\.\. +7 +\[OK\]\n/);
    const named = async (...filters: string[]) =>
      (
        await must(
          "search",
          ...filters.flatMap((filter) => ["-f", filter]),
          "--format",
          "{{.Name}}",
          `${hub}/app`,
        )
      )
        .split("\n")
        .filter((line) => line !== "")
        .map((line) => line.slice(hub.length + 1));
    assert.deepEqual(await named("stars=3"), ["app"]);
    assert.deepEqual(await named("is-official"), ["app"]);
    assert.deepEqual(await named("is-official=false", "stars=2"), ["me/app"]);
    assert.deepEqual(await named("is-automated=true"), ["me/app"]);
    assert.deepEqual(await named("stars=8"), []);
    for (const wrong of ["stars", "stars=x", "is-official=maybe", "size=1"])
      assert.equal((await run("search", "-f", wrong, `${hub}/app`)).exitCode, 1, wrong);
  });

  test("without a registry those of registries.conf are asked; one that does not answer is a remark", async () => {
    const file = join(scratch.path, "registries.conf");
    const search = async (...hosts: string[]) => {
      const list = hosts.map((host) => `"${host}"`).join(", ");
      await commandOutput("sh", ["-c", `echo 'unqualified-search-registries = [${list}]' > ${file}`]);
      return command(corten, ["search", "--format", "{{.Name}}", "app"], {
        env: { CONTAINERS_REGISTRIES_CONF: file },
      });
    };
    const both = await search(ours, hub);
    assert.equal(both.exitCode, 0, both.stderr);
    assert.deepEqual(both.stdout.trimEnd().split("\n"), [
      `${ours}/app`,
      `${ours}/team/app`,
      `${ours}/team/apple`,
      `${hub}/app`,
      `${hub}/me/app`,
    ]);
    const closed = await listen(() => {});
    await closed[Symbol.asyncDispose]();
    const one = await search(closed.address, hub);
    assert.equal(one.exitCode, 0);
    assert.match(one.stderr, new RegExp(closed.address));
    assert.match(one.stdout, /\/me\/app/);
    assert.equal((await search(closed.address)).exitCode, 1);
  });
});
