import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { program } from "../corten/program.ts";
import { program as oci } from "../oci/program.ts";
import type { Command, Program } from "./command.ts";
import { type Outcome, readCommandLine } from "./dispatch.ts";

const read = (words: string, use: Program = program) =>
  readCommandLine(use, words === "" ? [] : words.split(" "), {});

async function mistake(words: string, use?: Program): Promise<Extract<Outcome, { kind: "mistake" }>> {
  const outcome = await read(words, use);
  assert.equal(outcome.kind, "mistake");
  return outcome as Extract<Outcome, { kind: "mistake" }>;
}

async function call(words: string, use?: Program) {
  const outcome = await read(words, use);
  assert.ok(outcome.kind === "call", JSON.stringify(outcome));
  return outcome.call;
}

describe("corten", () => {
  test("global options stand before the command and behind it", async () => {
    assert.equal((await call("--root /a ps -a")).globals["root"], "/a");
    assert.equal((await call("ps -a --root /a")).globals["root"], "/a");
    assert.equal((await call("run --root /a alpine --root /b")).globals["root"], "/a");
    const { options, globals } = await call("ps --format json");
    assert.deepEqual([options["format"], globals["format"]], ["json", undefined]);
  });

  test("families, aliases and help", async () => {
    assert.equal((await call("system info")).name, "system info");
    assert.equal((await call("list")).name, "ps");
    for (const words of ["help system info", "system info --help", "system --help", "--help", "help"]) {
      const outcome = await read(words);
      assert.ok(outcome.kind === "help" && outcome.asked, words);
    }
    const empty = await read("");
    assert.ok(empty.kind === "help" && !empty.asked);
    assert.equal((await read("--version")).kind, "version");
  });

  test("mistakes name what is wrong, where, and what may have been meant", async () => {
    assert.deepEqual((await mistake("imgaes")).suggestions, ["images", "image"]);
    assert.equal((await mistake("system nfo")).message, 'unknown command "system nfo"');
    const option = await mistake("run --detahc alpine");
    assert.equal(option.message, "unknown option: --detahc");
    assert.deepEqual(option.suggestions, ["--detach"]);
    assert.equal(option.path[0]?.failure, 125);
    assert.equal((await mistake("rm")).message, "rm requires at least 1 argument: CONTAINER...");
    assert.equal((await mistake("ps extra")).message, "ps accepts no arguments");
    assert.equal((await mistake("exec web")).path[0]?.failure, 125);
  });
});

describe("corten-oci", () => {
  test("runc's words for mistakes", async () => {
    assert.equal((await mistake("run --frob x", oci)).message, "flag provided but not defined: -frob");
    assert.equal((await mistake("run", oci)).message, 'corten-oci: "run" requires exactly 1 argument(s)');
  });

  test("the calls of containerd's shim, of conmon and of runtime-tools", async () => {
    const create = await call(
      "--root /r --log /l --log-format json create --bundle /b --pid-file /p --console-socket /c id",
      oci,
    );
    assert.deepEqual(
      [create.globals["root"], create.globals["log-format"], create.options["bundle"], create.args],
      ["/r", "json", "/b", ["id"]],
    );
    assert.deepEqual((await call("kill --all id 9", oci)).args, ["id", "9"]);
    assert.deepEqual((await call("delete --force id", oci)).options["force"], true);
    const exec = await call("exec --process /p --detach --pid-file /f id", oci);
    assert.deepEqual([exec.options["process"], exec.options["detach"]], ["/p", true]);
    assert.deepEqual((await call("exec id ls -l --detach", oci)).args, ["id", "ls", "-l", "--detach"]);
    assert.deepEqual((await call("ps id -ef", oci)).args, ["id", "-ef"]);
  });
});

test("every command is complete: a module or a reason, its own letters, lists last", () => {
  const check = (command: Command, letters: readonly string[]): void => {
    const ways = [command.load, command.unsupported, command.commands].filter((way) => way !== undefined);
    assert.equal(ways.length, 1, command.name);
    assert.match(command.summary, /^[^A-Z].*[^.]$/, command.name);
    const shorts = Object.values(command.options ?? {}).flatMap(({ short }) => short ?? []);
    assert.equal(new Set(shorts).size, shorts.length, `${command.name}: a letter is taken twice`);
    for (const letter of shorts) assert.ok(!letters.includes(letter), `${command.name}: -${letter}`);
    for (const argument of command.arguments?.slice(0, -1) ?? []) assert.ok(!argument.repeated, command.name);
    for (const child of command.commands ?? []) check(child, letters);
  };
  for (const command of program.commands) {
    check(
      command,
      Object.values(program.globals).flatMap((option) => ("short" in option ? [option.short as string] : [])),
    );
  }
  for (const command of oci.commands) check(command, []);
});

test("every command's module can be loaded", async () => {
  const load = async (command: Command): Promise<void> => {
    if (command.load) assert.equal(typeof (await command.load()).run, "function", command.name);
    for (const child of command.commands ?? []) await load(child);
  };
  for (const command of [...program.commands, ...oci.commands]) await load(command);
});
