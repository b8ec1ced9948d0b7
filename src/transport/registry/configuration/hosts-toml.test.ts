import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import fc from "fast-check";
import { CortenError } from "../../../spec/index.ts";
import type { HostsFile } from "./hosts-toml.ts";
import { readHosts } from "./hosts-toml.ts";

const directory = mkdtempSync(join(tmpdir(), "corten-hosts-toml-"));
after(() => rmSync(directory, { recursive: true }));

let directories = 0;
async function read(text: string, name = "a.example", host = "a.example"): Promise<HostsFile> {
  const parent = join(directory, String(++directories));
  mkdirSync(join(parent, name), { recursive: true });
  writeFileSync(join(parent, name, "hosts.toml"), text);
  return (await readHosts(host, [join(directory, "none"), parent]))!;
}

test("a file is read as containerd reads it", async () => {
  const file = await read(`
    server = "https://upstream.example"
    ca = "own.crt"
    [host."https://one.example"]
      capabilities = ["pull", "resolve"]
      ca = ["a.crt", "/etc/b.crt"]
      client = [["c.cert", "c.key"], ["d.pem", ""]]
      skip_verify = true
      [host."https://one.example".header]
        x-one = "1"
        x-more = ["2", "3"]
    [host."http://two.example:5000/path/"]
    [host."three.example/v2/sub"]
      override_path = true
      client = "both.pem"
  `);
  const own = (name: string) => join(file.path, "..", name);
  const [one, two, three] = file.hosts as [HostsFile["server"], HostsFile["server"], HostsFile["server"]];
  assert.equal(file.server.url.href, "https://upstream.example/v2");
  assert.deepEqual(file.server.ca, [own("own.crt")]);
  assert.equal(one.url.href, "https://one.example/v2");
  assert.deepEqual(one.capabilities, ["pull", "resolve"]);
  assert.deepEqual(one.ca, [own("a.crt"), "/etc/b.crt"]);
  assert.deepEqual(one.client, [
    [own("c.cert"), own("c.key")],
    [own("d.pem"), own("d.pem")],
  ]);
  assert.equal(one.skipVerify, true);
  assert.deepEqual(one.headers, { "x-one": "1", "x-more": "2, 3" });
  assert.equal(two.url.href, "http://two.example:5000/path/v2");
  assert.equal(two.capabilities, undefined);
  assert.equal(three.url.href, "https://three.example/v2/sub");
  assert.deepEqual(three.client, [[own("both.pem"), own("both.pem")]]);
});

test("the directory is that of the host, its port in either spelling, or the default", async () => {
  for (const name of ["a.example:5000", "a.example_5000_", "_default"]) {
    const file = await read("", name, "a.example:5000");
    assert.equal(file.server.url.href, "https://a.example:5000/v2");
  }
  assert.equal((await read("", "docker.io", "docker.io")).server.url.host, "registry-1.docker.io");
  assert.equal(await read("", "b.example"), undefined);
});

test("what is wrong is named with its file and key", async () => {
  const cases: [text: string, message: RegExp][] = [
    ["server = 5", /hosts\.toml: \/server is not a string/],
    ["server = 'ftp://x'", /\/server is for "ftp:\/\/x", which is no URL/],
    ["server = 'https://user@x'", /no URL of a registry/],
    ["[host.'https://x']\ncapabilities = ['fly']", /\/capabilities\/0 is not one of pull, resolve, push/],
    ["[host.'https://x']\nskip_verify = 1", /skip_verify is not a boolean/],
    ["[host.'https://x']\nclient = [['a','b','c']]", /client\/0 is not a certificate and its key/],
    ["[host.'https://x'.header]\nx = \"a\\nb\"", /header\/x is no value of a header/],
    ["[host", /hosts\.toml, line 1: /],
  ];
  for (const [text, message] of cases) {
    await assert.rejects(read(text), (error) => {
      assert.ok(error instanceof CortenError, String(error));
      assert.match(error.message, message);
      return true;
    });
  }
});

test("no text makes the reader fail in another way", async () => {
  const line = fc.constantFrom(
    'server = "https://a.example"',
    "server = 1",
    '[host."https://b.example"]',
    "[host]",
    "x = 1",
    'capabilities = ["pull"]',
    'capabilities = "pull"',
    'ca = ["a", 5]',
    'client = [["a", "b"], "c"]',
    "skip_verify = 1",
    "override_path = true",
    "[header]",
  );
  const text = fc.oneof(
    fc.string(),
    fc.array(line, { maxLength: 8 }).map((lines) => lines.join("\n")),
  );
  await fc.assert(
    fc.asyncProperty(text, async (content) => {
      try {
        const file = await read(content);
        for (const { url } of [file.server, ...file.hosts]) assert.match(url.protocol, /^https?:$/);
      } catch (error) {
        if (!(error instanceof CortenError)) throw error;
        assert.match(error.message, /hosts\.toml/);
      }
    }),
  );
});
