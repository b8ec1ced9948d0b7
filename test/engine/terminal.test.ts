import assert from "node:assert/strict";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import type { ContainerOptions } from "../../src/engine/index.ts";
import { isRoot, openTerminal, type Terminal } from "../support/index.ts";
import { IMAGE, makeTestEngine, type TestEngine } from "./harness.ts";

const SCRIPT =
  'stty size; while read line; do case $line in size) stty size;; bye) exit 7;; *) echo "[$line]";; esac; done';

describe("a shell under a terminal", { skip: !isRoot }, () => {
  let it: TestEngine;
  before(async () => {
    it = await makeTestEngine();
  });
  after(() => it[Symbol.asyncDispose]());

  const open = (options: ContainerOptions): Promise<Terminal> => {
    const shell = { image: IMAGE, terminal: true, interactive: true, command: ["sh", "-c", SCRIPT] };
    const all = JSON.stringify({ ...shell, terminalSize: { rows: 31, columns: 97 }, ...options });
    const program = join(import.meta.dirname, "foreground.ts");
    return openTerminal(process.execPath, [program, it.root, it.runRoot, all], { rows: 31, columns: 97 });
  };

  for (const autoRemove of [true, false]) {
    test(`typing, echo, size and exit code (${autoRemove ? "--rm" : "kept"})`, async () => {
      await using terminal = await open({ autoRemove, name: "shell" });
      await terminal.waitFor("31 97");
      terminal.type("word\r");
      await terminal.waitFor("word\r\n[word]");
      terminal.resize(20, 60);
      await until(async () => {
        terminal.type("size\r");
        return (await terminal.waitFor(/\d+ \d+\r\n/))[0] === "20 60\r\n";
      });
      terminal.type("bye\r");
      assert.equal(await terminal.exit, 7);
      if (!autoRemove) await it.engine.remove("shell");
      assert.deepEqual(await it.engine.list({ all: true }), []);
      assert.deepEqual(await it.leftovers(), []);
    });
  }

  test("Ctrl-P Ctrl-Q detaches; attaching again goes on", async () => {
    const terminal = await open({ name: "kept" });
    await terminal.waitFor("31 97");
    terminal.type("\x10\x11");
    assert.equal(await terminal.exit, 0);
    const { path, args } = await it.engine.prepareAttach("kept");
    await using again = await openTerminal(path, args.slice(1));
    again.type("back\r");
    await again.waitFor("[back]");
    again.type("bye\r");
    assert.equal(await again.exit, 7);
    assert.equal((await it.engine.wait("kept")).exitCode, 7);
    await it.engine.remove("kept");
  });

  test("exec with a terminal of its own", async () => {
    await using container = await it.engine.run({ image: IMAGE, command: ["sleep", "60"] });
    const command = ["sh", "-c", SCRIPT];
    const options = { command, terminal: true, interactive: true, terminalSize: { rows: 10, columns: 50 } };
    const { path, args } = await it.engine.prepareExec(container.id, options);
    await using terminal = await openTerminal(path, args.slice(1), { rows: 10, columns: 50 });
    await terminal.waitFor("10 50");
    terminal.type("bye\r");
    assert.equal(await terminal.exit, 7);
  });
});

async function until(condition: () => Promise<boolean>): Promise<void> {
  for (let attempt = 0; !(await condition()); attempt++) assert.ok(attempt < 200, "never came true");
}
