import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import type { OptionTable } from "./option.ts";
import { countMistake, type Grammar, type ParsedLine, parseLine } from "./parse.ts";

const options = {
  interactive: { type: "flag", short: "i", summary: "" },
  tty: { type: "flag", short: "t", summary: "" },
  rm: { type: "flag", summary: "" },
  verify: { type: "flag", default: true, summary: "" },
  env: { type: "list", short: "e", value: "V", summary: "" },
  name: { type: "text", short: "n", aliases: ["called"], value: "N", summary: "" },
  pids: { type: "integer", value: "N", minimum: -1, maximum: 100, summary: "" },
  pull: { type: "choice", choices: ["missing", "always"], default: "missing", summary: "" },
  root: { type: "text", value: "DIR", env: "TEST_ROOT", summary: "" },
} as const satisfies OptionTable;

const grammar: Grammar = { options, optionsFirst: false, dialect: "posix" };
const first: Grammar = { ...grammar, optionsFirst: true };

function parsed(line: readonly string[], use: Grammar = grammar): ParsedLine {
  const result = parseLine(use, line);
  assert.equal(result.kind, "parsed", JSON.stringify(result));
  return result as ParsedLine;
}

function mistake(line: readonly string[], use: Grammar = grammar): string {
  const result = parseLine(use, line);
  assert.equal(result.kind, "mistake", JSON.stringify(result));
  return result.kind === "mistake" ? (result.unknown ?? result.message) : "";
}

describe("docker's and podman's way", () => {
  test("values stand behind a blank, an equals sign or the letter", () => {
    assert.equal(parsed(["--name", "a"]).values["name"], "a");
    assert.equal(parsed(["--name=a=b"]).values["name"], "a=b");
    assert.equal(parsed(["--name="]).values["name"], "");
    assert.equal(parsed(["--called", "a"]).values["name"], "a");
    assert.equal(parsed(["-n", "a"]).values["name"], "a");
    assert.equal(parsed(["-na"]).values["name"], "a");
    assert.equal(parsed(["-n=a"]).values["name"], "a");
    assert.deepEqual(parsed(["-e", "K", "-eK=V", "--env=A=b=c"]).values["env"], ["K", "K=V", "A=b=c"]);
  });

  test("flags are bundled, and a bundle may end with a value", () => {
    const { values } = parsed(["-iteA=B", "--rm"]);
    assert.deepEqual(
      [values["interactive"], values["tty"], values["rm"], values["env"]],
      [true, true, true, ["A=B"]],
    );
    assert.deepEqual(parsed(["-itn", "x", "y"]).args, ["y"]);
  });

  test("flags take a truth value behind an equals sign only", () => {
    assert.equal(parsed(["--verify=false"]).values["verify"], false);
    assert.equal(parsed(["--rm=T"]).values["rm"], true);
    assert.deepEqual(parsed(["--rm", "false"]).args, ["false"]);
    assert.match(mistake(["--rm=maybe"]), /invalid value "maybe" for --rm/);
  });

  test("the first argument ends the options of run and exec", () => {
    assert.deepEqual(parsed(["-i", "alpine", "ls", "-l", "--", "x"], first).args, [
      "alpine",
      "ls",
      "-l",
      "--",
      "x",
    ]);
    assert.deepEqual(parsed(["--", "-l", "--", "x"], first).args, ["-l", "--", "x"]);
    assert.deepEqual(parsed(["a", "-i", "b"]).args, ["a", "b"]);
    assert.deepEqual(parsed(["a", "-"]).args, ["a", "-"]);
  });

  test("defaults, environment and what was given", () => {
    const { values, given } = parsed(["--pull", "always"]);
    assert.deepEqual([...given], ["pull"]);
    assert.deepEqual(
      [values["pull"], values["verify"], values["rm"], values["env"], values["name"]],
      ["always", true, false, [], undefined],
    );
    const from = parseLine(grammar, [], { TEST_ROOT: "/x" }) as ParsedLine;
    assert.equal(from.values["root"], "/x");
    const over = parseLine(grammar, ["--root", "/y"], { TEST_ROOT: "/x" }) as ParsedLine;
    assert.equal(over.values["root"], "/y");
  });

  test("mistakes are named", () => {
    assert.equal(mistake(["--frob"]), "--frob");
    assert.equal(mistake(["-itx"]), "-x in -itx");
    assert.match(mistake(["--name"]), /needs a value: --name/);
    assert.match(mistake(["-n"]), /needs a value: -n/);
    assert.match(mistake(["--pull", "often"]), /one of missing, always/);
    assert.match(mistake(["--pids", "1e3"]), /whole number/);
    assert.match(mistake(["--pids=-2"]), /at least -1/);
    assert.match(mistake(["--pids", "101"]), /at most 100/);
    assert.match(mistake(["--name", "a\0b"]), /NUL/);
    assert.equal(mistake(["--__proto__"]), "--__proto__");
    assert.equal(mistake(["--constructor=1"]), "--constructor");
  });

  test("help is asked for, unless the letter means something else", () => {
    assert.equal(parseLine(grammar, ["--help"]).kind, "help");
    assert.equal(parseLine(grammar, ["-ih"]).kind, "help");
    const host = {
      ...grammar,
      options: { host: { type: "text", short: "h", value: "H", summary: "" } } as const,
    };
    assert.equal(parsed(["-h", "box"], host).values["host"], "box");
  });
});

describe("runc's way", () => {
  const go: Grammar = { ...grammar, dialect: "go" };

  test("one dash is as good as two, and nothing is bundled", () => {
    assert.equal(parsed(["-name", "a"], go).values["name"], "a");
    assert.equal(parsed(["-name=a"], go).values["name"], "a");
    assert.equal(parsed(["--n", "a"], go).values["name"], "a");
    assert.equal(mistake(["-it"], go), "-it");
    assert.equal(mistake(["--frob"], go), "-frob");
    assert.equal(parseLine(go, ["-h"]).kind, "help");
  });
});

test("arguments are counted", () => {
  const one = [{ name: "ID" }];
  const many = [{ name: "ID", repeated: true }];
  assert.equal(countMistake(one, 1), undefined);
  assert.equal(countMistake(one, 0), "requires exactly 1 argument");
  assert.equal(countMistake(many, 0), "requires at least 1 argument");
  assert.equal(countMistake(many, 9), undefined);
  assert.equal(countMistake([], 1), "accepts no arguments");
  assert.equal(
    countMistake([{ name: "A" }, { name: "B", optional: true }], 3),
    "requires at most 2 arguments",
  );
});

describe("properties", () => {
  const word = fc.string({ maxLength: 12 }).filter((text) => !text.includes("\0"));

  test("what is written with --name=value is read back, whatever the value", () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.constantFrom("env", "name", "root"), word), { maxLength: 8 }),
        (pairs) => {
          const line = pairs.map(([name, value]) => `--${name}=${value}`);
          const { values } = parsed(line);
          assert.deepEqual(
            values["env"],
            pairs.filter(([name]) => name === "env").map(([, value]) => value),
          );
          assert.equal(values["name"], pairs.findLast(([name]) => name === "name")?.[1]);
        },
      ),
    );
  });

  test("what stands behind -- is never an option", () => {
    fc.assert(
      fc.property(fc.array(word), (words) => {
        assert.deepEqual(parsed(["-i", "--", ...words]).args, words);
        assert.deepEqual(parsed(["image", ...words], first).args, ["image", ...words]);
      }),
    );
  });

  test("no line makes the parser throw or invent arguments", () => {
    const piece = fc.oneof(
      word,
      fc.constantFrom("-i", "-it", "--env", "-e", "--", "--rm=0", "-n", "--pull", "--pids", "-", "--help"),
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 10 }), fc.boolean(), (line, go) => {
        const result = parseLine({ ...grammar, dialect: go ? "go" : "posix" }, line);
        if (result.kind === "parsed") for (const argument of result.args) assert.ok(line.includes(argument));
        if (result.kind === "mistake") assert.notEqual(result.unknown ?? result.message, "");
      }),
    );
  });
});
