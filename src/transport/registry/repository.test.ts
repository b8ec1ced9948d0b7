import assert from "node:assert/strict";
import type { ServerResponse } from "node:http";
import { after, before, beforeEach, test } from "node:test";
import type { ErrorCode } from "../../spec/index.ts";
import { isCortenError, parseReference } from "../../spec/index.ts";
import { openRepository } from "../open.ts";
import { RegistryDouble } from "./testing-registry.ts";

let registry: RegistryDouble;
before(async () => {
  registry = await RegistryDouble.start();
});
beforeEach(() => {
  registry.intercept = () => false;
});
after(() => registry[Symbol.asyncDispose]());

const options = { environment: {}, attempts: 1 };
const open = () => openRepository(parseReference(`${registry.host}/team/app`), options);

/** Answers the list of tags with `pages`; a page names the next by its number, or by a text of its own. */
function servePages(pages: readonly unknown[], link = (next: number) => `<?page=${next}>; rel="next"`): void {
  registry.intercept = (_, response: ServerResponse, url) => {
    if (!url.pathname.endsWith("/tags/list")) return false;
    const page = Number(url.searchParams.get("page") ?? 0);
    const more = page + 1 < pages.length;
    response.writeHead(200, more ? { link: link(page + 1) } : {});
    response.end(JSON.stringify(pages[page]));
    return true;
  };
}

async function refuses(run: Promise<unknown>, code: ErrorCode, message: RegExp): Promise<void> {
  await assert.rejects(run, (error) => {
    assert.ok(isCortenError(error, code), String(error));
    assert.match(error.message, message);
    return true;
  });
}

test("tags are listed page after page", async () => {
  await using repository = await open();
  const pages = [
    { name: "x", tags: ["a", "b"] },
    { name: "x", tags: null },
    { name: "x", tags: ["c"] },
  ];
  servePages(pages);
  assert.deepEqual(await Array.fromAsync(repository.tags()), ["a", "b", "c"]);
  servePages(pages, (next) => `</v2/other>; rel="last", </v2/team/app/tags/list?page=${next}> ; rel=next`);
  assert.deepEqual(await Array.fromAsync(repository.tags()), ["a", "b", "c"]);
});

test("a registry whose pages lead in a circle, or that lists no tags, is refused", async () => {
  await using repository = await open();
  servePages([{ tags: ["a"] }, { tags: ["b"] }, {}], () => '<?page=0>; rel="next"');
  await refuses(Array.fromAsync(repository.tags()), "unavailable", /lead in a circle/);
  servePages([{ tags: ["a/../b"] }]);
  await refuses(Array.fromAsync(repository.tags()), "invalid-argument", /"a\/\.\.\/b", which is no tag/);
  servePages([{ tags: "a" }]);
  await refuses(Array.fromAsync(repository.tags()), "invalid-argument", /\/tags is not an array/);
});

test("a page on another host gets no credentials", async () => {
  const seen: (string | undefined)[] = [];
  await using other = await RegistryDouble.start();
  other.intercept = (request, response) => {
    seen.push(request.headers.authorization);
    response.end(JSON.stringify({ tags: ["b"] }));
    return true;
  };
  servePages([{ tags: ["a"] }, {}], () => `<http://${other.host}/v2/x>; rel="next"`);
  const credentials = { username: "user", password: "secret" };
  await using repository = await openRepository(parseReference(`${registry.host}/team/app`), {
    ...options,
    credentials,
    insecure: true,
  });
  await Array.fromAsync(repository.tags());
  assert.deepEqual(seen, [undefined]);
});

test("deletes name a manifest or a tag, and say what the registry refused", async () => {
  await using repository = await open();
  const digest = `sha256:${"1".repeat(64)}` as const;
  let status = 202;
  registry.intercept = (request, response) => {
    if (request.method !== "DELETE") return false;
    response.writeHead(status).end();
    return true;
  };
  await repository.delete({ digest });
  await repository.delete({ tag: "v1" });
  const paths = registry.requests("DELETE", "/manifests/").map(({ url }) => url.pathname);
  assert.deepEqual(paths, [`/v2/team/app/manifests/${digest}`, "/v2/team/app/manifests/v1"]);
  status = 405;
  await refuses(repository.delete({ tag: "v1" }), "failed-precondition", /delete v1 in .*\/team\/app: .*405/);
});
