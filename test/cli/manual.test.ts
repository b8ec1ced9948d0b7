import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { command, corten, cortenOci, repository } from "../support/index.ts";

const folder = join(repository, "docs/man");
const pages = readdirSync(folder).sort();

describe("the manual", { timeout: 60_000 }, () => {
  test("there is a page for each program and for each of its commands", async () => {
    for (const [name, program] of [
      ["corten", corten],
      ["corten-oci", cortenOci],
    ] as const) {
      assert.ok(pages.includes(`${name}.1`));
      const { stdout } = await command(program, ["--help"]);
      const commands = [...stdout.matchAll(/^ {2}([a-z][a-z-]*) {2,}[A-Z]/gm)].map((match) => match[1]!);
      assert.ok(commands.length > 10, commands.join(" "));
      for (const each of commands) assert.ok(pages.includes(`${name}-${each}.1`), `${name}-${each}`);
    }
  });

  test("mandoc finds nothing to complain about", async () => {
    const { stdout, stderr } = await command("mandoc", [
      ...["-T", "lint", "-W", "warning"],
      ...pages.map((page) => join(folder, page)),
    ]);
    assert.equal(stdout + stderr, "");
  });

  test("what man shows of a page is what the help says", async () => {
    const { stdout, exitCode } = await command("man", ["-l", join(folder, "corten-oci-run.1")], {
      env: { MANPAGER: "cat", MANWIDTH: "200", LC_ALL: "C", MAN_KEEP_FORMATTING: "" },
    });
    assert.equal(exitCode, 0);
    const plain = stdout.replaceAll(/.\x08/g, "").replaceAll(/\x1b\[[0-9;]*m/g, "");
    assert.match(plain, /corten-oci-run - make a container and start it/);
    assert.match(plain, /corten-oci run \[options\] ID/);
    assert.match(plain, /-b, --bundle DIR\n\s+The bundle \(default: the working directory\)\./);
    assert.match(plain, /corten-oci run -b \/tmp\/bundle demo/);
    assert.match(plain, /corten-oci-create\(1\)/);
  });

  test("pages name other pages that exist", () => {
    for (const page of pages) {
      const text = readFileSync(join(folder, page), "utf8");
      for (const [, name] of text.matchAll(/^\.BR (\S+) \(1\)/gm)) {
        assert.ok(pages.includes(`${name!.replaceAll("\\-", "-")}.1`), `${page} names ${name}`);
      }
    }
  });
});
