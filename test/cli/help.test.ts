import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { command, corten, cortenOci, openTerminal } from "../support/index.ts";

/** `UPDATE=1` writes what is printed now. */
const update = process.env["UPDATE"] === "1";

const pages: ReadonlyArray<{
  readonly name: string;
  readonly program: string;
  readonly args: readonly string[];
}> = [
  { name: "corten", program: corten, args: ["--help"] },
  { name: "corten-run", program: corten, args: ["run", "--help"] },
  { name: "corten-system", program: corten, args: ["system", "--help"] },
  { name: "corten-logs", program: corten, args: ["help", "logs"] },
  { name: "corten-oci", program: cortenOci, args: ["--help"] },
  { name: "corten-oci-exec", program: cortenOci, args: ["exec", "--help"] },
];

describe("help", () => {
  for (const { name, program, args } of pages) {
    test(`${name}: the page is the known one, 90 columns at most, without colours`, async () => {
      const { stdout, stderr, exitCode } = await command(program, args);
      assert.deepEqual([exitCode, stderr], [0, ""]);
      const file = join(import.meta.dirname, `golden/${name}.txt`);
      if (update) writeFileSync(file, stdout);
      assert.equal(stdout, readFileSync(file, "utf8"));
      for (const line of stdout.split("\n")) assert.ok(line.length <= 90 || line.includes("corten "), line);
      assert.ok(!stdout.includes("\x1b"));
    });
  }

  test("every command has a page", async () => {
    const { stdout } = await command(corten, ["--help"]);
    const names = [...stdout.matchAll(/^ {2}([a-z]+) {2,}[A-Z]/gm)].map((match) => match[1]!);
    assert.ok(names.length > 20, names.join(" "));
    for (const name of names.filter((word) => word !== "oci")) {
      const page = await command(corten, [name, "--help"]);
      assert.deepEqual([page.exitCode, page.stderr], [0, ""], name);
      assert.match(page.stdout, new RegExp(`^ {2}corten ${name}`, "m"));
    }
  });

  test("FORCE_COLOR brings colours, a terminal too, NO_COLOR takes them away", async () => {
    assert.match((await command(corten, ["--help"], { env: { FORCE_COLOR: "1" } })).stdout, /\x1b\[1mUsage/);
    await using shown = await openTerminal(corten, ["ps", "--help"]);
    await shown.waitFor("\x1b[1mUsage");
    assert.equal(await shown.exit, 0);
    await using plain = await openTerminal(corten, ["ps", "--help"], { env: { NO_COLOR: "1" } });
    await plain.waitFor("Usage");
    assert.equal(await plain.exit, 0);
    assert.ok(!plain.output().includes("\x1b["));
  });
});

test("the name decides between the two command lines, and `corten oci` is the other way in", async () => {
  const { stdout } = await command(cortenOci, ["--version"]);
  assert.match(stdout, /^corten-oci version /);
  assert.equal((await command(corten, ["oci", "--version"])).stdout, stdout);
  const renamed = await command("bash", ["-c", `exec -a /somewhere/corten-oci ${corten} --version`]);
  assert.equal(renamed.stdout, stdout);
  assert.match((await command(corten, ["--version"])).stdout, /^corten version /);
});

describe("wrong command lines", () => {
  const cases: ReadonlyArray<readonly [args: string, exitCode: number, message: RegExp]> = [
    ["frobnicate", 1, /^corten: unknown command "frobnicate"\nhint: /],
    ["imgaes", 1, /did you mean images, image\?/],
    ["ps --frob", 1, /^corten: unknown option: --frob\n/],
    ["run --detahc alpine", 125, /did you mean --detach\?/],
    ["run", 125, /no image is named/],
    ["exec web", 125, /exec requires at least 2 arguments/],
    ["create -m lots alpine", 125, /invalid value "lots" for --memory/],
    ["rm", 1, /rm requires at least 1 argument: CONTAINER\.\.\./],
    ["logs --tail many x", 1, /invalid value "many" for --tail/],
    ["images --format {{range}}", 1, /template action \{\{range\}\} is not supported/],
    ["completion tcsh", 1, /no completion for the shell "tcsh"/],
  ];
  for (const [args, exitCode, message] of cases) {
    test(`corten ${args}`, async () => {
      const result = await command(corten, ["--root", "/nonexistent/corten", ...args.split(" ")]);
      assert.equal(result.exitCode, exitCode, result.stderr);
      assert.match(result.stderr, message);
      assert.equal(result.stdout, "");
    });
  }

  test("a reader that goes away ends the program quietly", async () => {
    const { exitCode, stderr } = await command("sh", ["-c", `${corten} run --help | true; echo $?`]);
    assert.deepEqual([exitCode, stderr], [0, ""]);
  });
});
