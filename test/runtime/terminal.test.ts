import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { symlinkSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { launch } from "../../src/runtime/index.ts";
import { isRoot } from "../support/index.ts";
import { Containers, configure } from "./containers.ts";

/** Starts the other end of a console socket; resolves to everything that came out of the terminal. */
async function listen(socket: string, typed: string): Promise<{ readonly output: Promise<string> }> {
  const child = spawn("python3", [join(import.meta.dirname, "console-socket.py"), socket, typed], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  let text = "";
  const started = new Promise<void>((resolve) => {
    child.stdout.on("data", (chunk: Buffer) => {
      text += chunk.toString();
      if (text.startsWith("listening\n")) resolve();
    });
  });
  const output = new Promise<string>((resolve) => {
    child.stdout.once("end", () => resolve(text.slice("listening\n".length)));
  });
  await started;
  return { output };
}

describe("terminals", { skip: isRoot ? false : "needs root" }, () => {
  let containers: Containers;
  before(() => {
    containers = new Containers();
  });
  after(() => containers[Symbol.asyncDispose]());

  it("go to the console socket, with their size, as the controlling terminal and /dev/console", async () => {
    const { runtime, bundle, directory } = containers;
    const consoleSocket = join(directory, "console");
    const { output } = await listen(consoleSocket, "typed\n");
    const config = configure(
      [
        "/bin/sh",
        "-c",
        "read -r line; echo got $line; tty; stty size; stat -c %F:%t /dev/console; echo to-tty > /dev/tty",
      ],
      (change) => {
        Object.assign(change.process, { terminal: true, consoleSize: { height: 33, width: 111 } });
      },
    );
    const id = containers.id();
    await launch(runtime.prepareCreate({ id, bundle, config, consoleSocket }));
    await runtime.start(id);
    const text = (await output).replaceAll("\r", "");
    assert.match(text, /got typed\n\/dev\/pts\/0\n33 111\ncharacter special file:88\nto-tty\n/);
    await runtime.delete(id, { force: true });
  });

  it("are made for more programs in a container, too", async () => {
    const { runtime, directory } = containers;
    const id = await containers.create(["/bin/sleep", "100"]);
    await runtime.start(id);
    const consoleSocket = join(directory, "exec-console");
    const { output } = await listen(consoleSocket, "");
    await launch(
      runtime.prepareExec(id, { args: ["/bin/tty"], terminal: true, detach: true, consoleSocket }),
    );
    assert.equal(await output, "/dev/pts/0\r\n");
    await runtime.delete(id, { force: true });
  });

  it("leave a hostile /dev/console inside the container", async () => {
    const { runtime, bundle, directory } = containers;
    const consoleSocket = join(directory, "hostile-console");
    symlinkSync(join(directory, "planted"), join(bundle, "rootfs/dev/console"));
    const { output } = await listen(consoleSocket, "");
    const config = configure(["/bin/true"], (change) => {
      change.root = { path: "rootfs" };
      change.mounts = [
        { destination: "/proc", type: "proc", source: "proc" },
        { destination: "/dev/pts", type: "devpts", source: "devpts", options: ["ptmxmode=0666"] },
      ];
      Object.assign(change.process, { terminal: true });
    });
    const id = containers.id();
    const { existsSync } = await import("node:fs");
    await launch(runtime.prepareCreate({ id, bundle, config, consoleSocket }));
    await runtime.start(id);
    await output;
    assert.equal(existsSync(join(directory, "planted")), false);
    await runtime.delete(id, { force: true });
  });

  it("are refused where nobody would hold them", () => {
    const { runtime, bundle } = containers;
    const config = configure(["/bin/true"], (change) => {
      Object.assign(change.process, { terminal: true });
    });
    assert.throws(() => runtime.prepareCreate({ id: containers.id(), bundle, config }), {
      code: "invalid-argument",
      pointer: "/process/terminal",
    });
  });
});
