import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { parseReference } from "../../spec/index.ts";
import { smallImage } from "../testing-image.ts";
import { openRegistrySource } from "./index.ts";
import { RegistryDouble } from "./testing-registry.ts";
import type { RegistryWarning } from "./warnings.ts";
import { parseWarnings } from "./warnings.ts";

test("warnings are read as distribution-spec writes them, and nothing else", () => {
  const cases: [header: string, texts: string[]][] = [
    ['299 - "this will go"', ["this will go"]],
    ['299 - "a, b", 299 - "say \\"c\\" \\\\ d"', ["a, b", 'say "c" \\ d']],
    ['299 - "clear\x1b[2J the\tscreen"', ["clear [2J the screen"]],
    ['110 cache "stale"', []],
    ['299 - "dated" "Wed, 21 Oct 2026 07:28:00 GMT"', []],
    ['299 - "first", 199 - "other"', ["first"]],
    ['299 - ""', []],
    ["299 - text", []],
    ["", []],
    [`299 - "${"x".repeat(5000)}"`, []],
  ];
  for (const [header, texts] of cases) assert.deepEqual(parseWarnings(header), texts, header);
  fc.assert(
    fc.property(fc.string(), (text) => {
      for (const found of parseWarnings(text)) assert.doesNotMatch(found, /[\0-\x1f]/);
    }),
  );
});

test("a warning is told once, and only the registry's own", async () => {
  await using registry = await RegistryDouble.start();
  await using other = await RegistryDouble.start();
  const image = await smallImage();
  for (const double of [registry, other]) await double.add(image, "1");
  registry.intercept = (request, response, url) => {
    response.setHeader("warning", ['299 - "this repository moves"', '299 - "soon"']);
    if (!url.pathname.includes("/blobs/")) return false;
    response.writeHead(307, { location: `http://${other.host}${request.url}` }).end();
    return true;
  };
  other.intercept = (_, response) => {
    response.setHeader("warning", '299 - "from elsewhere"');
    return false;
  };
  const told: RegistryWarning[] = [];
  const reference = parseReference(`${registry.host}/a/b:1`);
  await using source = openRegistrySource(reference, {
    credentials: "anonymous",
    onWarning: (warning) => told.push(warning),
  });
  const { descriptor } = await source.root();
  await source.manifest(descriptor);
  await source.blob(descriptor);
  assert.deepEqual(
    told,
    ["this repository moves", "soon"].map((text) => ({ registry: registry.host, text })),
  );
});
