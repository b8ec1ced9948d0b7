import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { serveRegistry } from "../registry/registry-server.ts";
import { command, corten, isInstalled, repository, temporaryDirectory } from "../support/index.ts";

/** The address in the guide. */
const SHOWN = "127.0.0.1:5000";

interface Step {
  readonly line: string;
  readonly output: string;
}

/** The commands of the guide's console blocks, each with what it prints. */
function stepsOf(guide: string): Step[] {
  const blocks = [...guide.matchAll(/```console\n(.*?)```/gs)].map(([, block]) => block!);
  return blocks.flatMap((block) =>
    block
      .split(/^\$ /m)
      .slice(1)
      .map((text) => ({
        line: text.slice(0, text.indexOf("\n")),
        output: text.slice(text.indexOf("\n") + 1),
      })),
  );
}

/** Digests, sizes and times differ from one machine and day to the next; all else is what the guide shows. */
function comparable(text: string): string {
  return text
    .replace(/sha256:[0-9a-f]{64}/g, "sha256:…")
    .replace(/("?[Ss]ize"?:) \d+/g, "$1 …")
    .replace(/\d{4}-\d\d-\d\dT[\d:]+Z/g, "(time)")
    .replace(/"(amd64|arm64)"/g, '"(architecture)"');
}

test("docs/images.md shows what its commands print", {
  skip: !isInstalled("jq"),
  timeout: 300_000,
}, async () => {
  using scratch = temporaryDirectory("images-guide");
  await using registry = await serveRegistry(scratch.path);
  const guide = readFileSync(join(repository, "docs/images.md"), "utf8");
  const local = (text: string): string => text.replaceAll(SHOWN, registry.address);
  const [, list = ""] = /```yaml\n(.*?)```/s.exec(guide) ?? [];
  writeFileSync(join(scratch.path, "images.yaml"), local(list));
  const env = { CORTEN_ROOT: join(scratch.path, "data"), PATH: `${dirname(corten)}:${process.env["PATH"]}` };
  const steps = stepsOf(guide);
  assert.ok(steps.length > 20, "the guide has its commands");
  for (const { line, output } of steps) {
    const { stdout, stderr } = await command("bash", ["-c", `${local(line)} 2>&1`], {
      cwd: scratch.path,
      env,
    });
    const printed = `${stdout}${stderr}`.replaceAll(registry.address, SHOWN);
    const sorted = (text: string): string[] => comparable(text).split("\n").sort();
    // Which repository of a list comes first is not said.
    assert.deepEqual(sorted(printed), sorted(output), line);
  }
});
