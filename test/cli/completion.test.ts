import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { command, commandOutput, corten, temporaryDirectory } from "../support/index.ts";

/** What bash would offer for a line, by its own machinery: the script is sourced and its function called. */
async function bash(line: string): Promise<string[]> {
  const script = `
    corten() { ${corten} "$@"; }
    source <(corten completion bash)
    compopt() { :; }
    COMP_LINE=$1 COMP_POINT=\${#1}
    # Bash breaks words at = and : as readline does.
    eval "words=($2)"
    COMP_WORDS=("\${words[@]}") COMP_CWORD=$((\${#COMP_WORDS[@]} - 1))
    _corten
    printf '%s\\n' "\${COMPREPLY[@]}"`;
  const broken = line
    .split(/( |=|:)/)
    .filter((word, index, all) => word !== " " && (word !== "" || index === all.length - 1));
  const words = broken.map((word) => `'${word}'`).join(" ");
  const { stdout, stderr } = await command("bash", ["-c", script, "bash", line, words]);
  assert.equal(stderr, "");
  return stdout.split("\n").filter((word) => word !== "");
}

describe("completion in bash", () => {
  test("commands", async () => {
    assert.deepEqual(await bash("corten im"), ["images", "import", "image"]);
    assert.deepEqual(await bash("corten system "), ["info", "df", "check", "prune", "release"]);
    assert.deepEqual(await bash("corten oci st"), ["start", "state"]);
  });

  test("options and their values, also behind an equals sign", async () => {
    assert.deepEqual(await bash("corten run --det"), ["--detach"]);
    assert.deepEqual(await bash("corten run --pull "), ["missing", "always", "never"]);
    assert.deepEqual(await bash("corten run --pull=al"), ["always"]);
    assert.deepEqual(await bash("corten run --pull="), ["missing", "always", "never"]);
  });

  test("files", async () => {
    assert.ok((await bash("corten load -i /etc/host")).includes("/etc/hostname"));
  });
});

for (const shell of ["bash", "zsh", "fish"]) {
  test(`the script for ${shell} is one that it understands`, async () => {
    using scratch = temporaryDirectory("completion");
    const script = join(scratch.path, "script");
    writeFileSync(script, await commandOutput(corten, ["completion", shell]));
    const { exitCode, stderr } = await command(shell, ["-n", script]);
    assert.deepEqual([exitCode, stderr], [0, ""]);
  });
}
