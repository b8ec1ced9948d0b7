import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, test } from "node:test";
import fc from "fast-check";
import { CortenError } from "../../../spec/index.ts";
import type { RegistriesConf, RegistryRule } from "./registries-conf.ts";
import { readRegistriesConf } from "./registries-conf.ts";
import { findRule, rewritten } from "./rule.ts";

const directory = mkdtempSync(join(tmpdir(), "corten-registries-conf-"));
after(() => rmSync(directory, { recursive: true }));

let files = 0;
function write(text: string, name = `${++files}.conf`): string {
  const path = join(directory, name);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
  return path;
}

async function read(text: string): Promise<RegistriesConf> {
  return (await readRegistriesConf({ registriesConf: write(text), environment: {} }))!;
}

test("a file in version 2 is read whole", async () => {
  const conf = await read(`
    unqualified-search-registries = ["docker.io", "quay.io:443"]
    short-name-mode = "permissive"
    credential-helpers = ["containers-auth.json", "pass"]
    [[registry]]
    prefix = "example.com/foo"
    location = "internal.example:5000/bar"
    insecure = true
    mirror-by-digest-only = true
    [[registry.mirror]]
    location = "mirror-1.example"
    insecure = true
    [[registry.mirror]]
    location = "mirror-2.example/path"
    [[registry]]
    location = "tags.example"
    [[registry.mirror]]
    location = "tag-mirror.example"
    pull-from-mirror = "tag-only"
    [[registry]]
    prefix = "*.blocked.example"
    blocked = true
    [aliases]
    "fedora" = "registry.fedoraproject.org/fedora"
  `);
  const [first, second, third] = conf.rules as [RegistryRule, RegistryRule, RegistryRule];
  assert.deepEqual(conf.search, ["docker.io", "quay.io:443"]);
  assert.equal(conf.shortNameMode, "permissive");
  assert.deepEqual(conf.credentialHelpers, ["containers-auth.json", "pass"]);
  assert.deepEqual([...conf.aliases], [["fedora", "registry.fedoraproject.org/fedora"]]);
  assert.deepEqual(first.mirrors, [
    { location: "mirror-1.example", insecure: true, pulls: "digest-only" },
    { location: "mirror-2.example/path", insecure: false, pulls: "digest-only" },
  ]);
  assert.deepEqual([first.insecure, first.location], [true, "internal.example:5000/bar"]);
  assert.deepEqual([second.prefix, second.mirrors[0]!.pulls], ["tags.example", "tag-only"]);
  assert.deepEqual([third.blocked, third.location], [true, undefined]);
});

test("what is wrong is named with its file and key", async () => {
  const cases: [text: string, message: RegExp][] = [
    ["[[registry]]\nlocation = 5", /\.conf: \/registry\/0\/location is not a string/],
    ["[[registry]]\ninsecure = true", /\/registry\/0\/location is missing/],
    ["[[registry]]\nprefix = 'a.example'", /\/registry\/0\/location is missing/],
    ["[[registry]]\nlocation = 'https://a.example'", /location is "https:\/\/a.example", not host/],
    // Podman knows rules for single tags; nobody else does.
    ["[[registry]]\nlocation = 'a'\nprefix = 'b/c:1'", /prefix is "b\/c:1", not host/],
    ["[[registry]]\nlocation = 'a'\nprefix = '*.b/c'", /prefix has a path behind a wildcard/],
    ["[[registry]]\nlocation = 'a'\nblocked = 'no'", /\/registry\/0\/blocked is not a boolean/],
    [
      "[[registry]]\nlocation = 'a'\n[[registry.mirror]]\ninsecure = true",
      /\/mirror\/0\/location is missing/,
    ],
    [
      "[[registry]]\nlocation = 'a'\nmirror-by-digest-only = true\n[[registry.mirror]]\nlocation = 'b'\npull-from-mirror = 'all'",
      /pull-from-mirror and mirror-by-digest-only exclude each other/,
    ],
    [
      "[[registry]]\nlocation = 'a'\n[[registry.mirror]]\nlocation = 'b'\npull-from-mirror = 'never'",
      /is not one of all/,
    ],
    ["unqualified-search-registries = ['a/b']", /\/unqualified-search-registries\/0 is "a\/b", not host/],
    ["short-name-mode = 'guess'", /short-name-mode is not one of enforcing, permissive, disabled/],
    ["[aliases]\nx = 'y'", /\/aliases\/x is not a name with a registry/],
    ["[registries.search]\nregistries = ['a']", /is the old version 1/],
    ["location = ", /\.conf, line 1: /],
  ];
  for (const [text, message] of cases) {
    await assert.rejects(read(text), (error) => {
      assert.ok(error instanceof CortenError, String(error));
      assert.match(error.message, message);
      assert.match(error.message, /corten-registries-conf-/);
      return true;
    });
  }
});

test("drop-ins come after the file, the user's after the system's, and replace tables of the same prefix", async () => {
  const home = join(directory, "home");
  const main = write("short-name-mode = 'disabled'\n[[registry]]\nlocation = 'a.example'\nblocked = true");
  const inConfig = (name: string) => join("home/.config/containers/registries.conf.d", name);
  write(
    "[[registry]]\nlocation = 'a.example'\ninsecure = true\n[aliases]\nmine = 'b.example/x'",
    inConfig("2.conf"),
  );
  write("[[registry]]\nlocation = 'c.example'\n[aliases]\nmine = 'a.example/x'", inConfig("1.conf"));
  write("not = toml = ", inConfig("3.txt"));
  const environment = { HOME: home, CONTAINERS_REGISTRIES_CONF: main };
  const conf = (await readRegistriesConf({ environment }))!;
  assert.equal(conf.shortNameMode, "disabled");
  const a = conf.rules.find(({ prefix }) => prefix === "a.example")!;
  assert.deepEqual([a.blocked, a.insecure], [false, true]);
  assert.ok(conf.rules.some(({ prefix }) => prefix === "c.example"));
  assert.equal(conf.aliases.get("mine"), "b.example/x");
  assert.equal(await readRegistriesConf({ registriesConf: join(directory, "none"), environment }), undefined);
  assert.equal(await readRegistriesConf({ registriesConf: false, environment }), undefined);
});

const rule = (prefix: string, location?: string): RegistryRule => ({
  prefix,
  location,
  insecure: false,
  blocked: false,
  mirrors: [],
  file: "test",
});

test("the longest prefix of whole components decides, and is rewritten", () => {
  const rules = ["a.example", "a.example/x", "*.example", "*.b.example", "c.example/x:1"].map((prefix) =>
    rule(prefix),
  );
  const cases: [name: string, prefix: string | undefined][] = [
    ["a.example/y", "a.example"],
    ["a.example/x/y", "a.example/x"],
    ["a.example/x:1", "a.example/x"],
    ["a.example/x@sha256:00", "a.example/x"],
    ["a.example/xy", "a.example"],
    ["a.example.org/x", undefined],
    ["d.example/x", "*.example"],
    ["d.b.example/x", "*.b.example"],
    ["example/x", undefined],
    ["evil.org/d.example", undefined],
    ["c.example/x:1", "c.example/x:1"],
    ["c.example/x:12", "*.example"],
  ];
  for (const [name, prefix] of cases) assert.equal(findRule({ rules }, name)?.prefix, prefix, name);
  assert.equal(rewritten(rule("a.example/x"), "a.example/x/y:1", "b:5000/z"), "b:5000/z/y:1");
  assert.equal(rewritten(rule("*.example"), "q.example/x", "b"), "b/x");
  assert.equal(rewritten(rule("*.example"), "q.example/x", undefined), "q.example/x");
});

const component = fc.stringMatching(/^[a-z]{1,3}$/);
const name = fc.array(component, { minLength: 1, maxLength: 4 }).map((parts) => parts.join("/"));

test("a rule is found exactly where its prefix ends at a border, and rewriting back gives the name", () => {
  fc.assert(
    fc.property(fc.uniqueArray(name, { maxLength: 8 }), name, (prefixes, text) => {
      const found = findRule({ rules: prefixes.map((prefix) => rule(prefix)) }, text);
      const fit = prefixes.filter((prefix) => text === prefix || text.startsWith(`${prefix}/`));
      const longest = fit.sort((a, b) => b.length - a.length)[0];
      assert.equal(found?.prefix, longest);
      if (found === undefined) return;
      const moved = rewritten(found, text, "moved.example/to");
      assert.equal(rewritten(rule("moved.example/to"), moved, found.prefix), text);
    }),
  );
});

test("no text makes the reader fail in another way", async () => {
  const line = fc.constantFrom(
    "[[registry]]",
    "[[registry.mirror]]",
    "[registry]",
    "[aliases]",
    'location = "a.example"',
    'prefix = "*.example"',
    "insecure = true",
    "blocked = 1",
    'unqualified-search-registries = ["a", 5]',
    "x = 1979-05-27",
  );
  const text = fc.oneof(
    fc.string(),
    fc.array(line, { maxLength: 8 }).map((lines) => lines.join("\n")),
  );
  const path = join(directory, "fuzz.conf");
  await fc.assert(
    fc.asyncProperty(text, async (content) => {
      writeFileSync(path, content);
      try {
        await readRegistriesConf({ registriesConf: path, environment: {} });
      } catch (error) {
        if (!(error instanceof CortenError)) throw error;
        assert.ok(error.message.includes(path), error.message);
      }
    }),
  );
});
