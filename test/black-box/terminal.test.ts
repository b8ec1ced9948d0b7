import assert from "node:assert/strict";
import { chmodSync, existsSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { listenForConsole, openTerminal } from "../support/index.ts";
import { type Box, clauses } from "./harness/index.ts";

/** A socket that the runtime, whoever it runs as, can reach. */
async function listen(box: Box, typed: string) {
  const socket = join(box.directory, "console");
  const { output } = await listenForConsole(socket, typed);
  chmodSync(socket, 0o777);
  return { socket, output: output.then((text) => text.replaceAll("\r", "")) };
}

clauses("terminals", {
  "go to the console socket, as the controlling terminal and /dev/console": {
    clause: "config.md, Process: terminal; the command line of runc",
    action: async (box) => {
      const { socket, output } = await listen(box, "typed\n");
      const script = "read -r line; echo got $line; tty; stat -c %F:%t /dev/console; echo to-tty > /dev/tty";
      const change = (config: { process: object }) => Object.assign(config.process, { terminal: true });
      await box.start(["sh", "-c", script], change, ["--console-socket", socket]);
      assert.match(await output, /got typed\n\/dev\/pts\/0\ncharacter special file:88\nto-tty\n/);
    },
  },
  "have the size that was asked for": {
    clause: "config.md, Process: consoleSize",
    action: async (box) => {
      const { socket, output } = await listen(box, "");
      const change = (config: { process: object }) =>
        Object.assign(config.process, { terminal: true, consoleSize: { height: 33, width: 111 } });
      await box.start(["stty", "size"], change, ["--console-socket", socket]);
      assert.equal(await output, "33 111\n");
    },
  },
  "are made for a program beside, too": {
    clause: "the command line of runc",
    action: async (box) => {
      const id = await box.start(["sleep", "100"]);
      const { socket, output } = await listen(box, "");
      await box.must("exec", "--tty", "--detach", "--console-socket", socket, id, "tty");
      assert.equal(await output, "/dev/pts/0\n");
    },
  },
  "are passed on in the foreground, with the size of the caller's": {
    clause: "the command line of runc",
    action: async (box) => {
      box.configure(["sh"], (config) => Object.assign(config.process, { terminal: true }));
      // So that the directory is the caller's.
      await box.oci("list");
      const [program, ...words] = box.words("run", "--bundle", box.bundle, box.id());
      await using terminal = await openTerminal(program!, words);
      await terminal.waitFor("# ");
      terminal.type("stty size; exit 5\r");
      await terminal.waitFor("24 80");
      assert.equal(await terminal.exit, 5);
    },
  },
  "leave a hostile /dev/console inside the container": {
    clause: "what is followed there makes a file of the host (CVE-2026-88264)",
    places: ["root"],
    action: async (box) => {
      const planted = join(box.directory, "planted");
      symlinkSync(planted, join(box.rootfs, "dev/console"));
      const { socket, output } = await listen(box, "");
      box.configure(["true"], (config) => {
        config.root = { path: "rootfs" };
        config.mounts = [
          { destination: "/proc", type: "proc", source: "proc" },
          { destination: "/dev/pts", type: "devpts", source: "devpts", options: ["ptmxmode=0666"] },
        ];
        Object.assign(config.process, { terminal: true });
      });
      const id = box.id();
      const made = await box.oci("create", "--bundle", box.bundle, "--console-socket", socket, id);
      if (made.exitCode === 0) {
        await box.must("start", id);
        await output;
      }
      assert.equal(existsSync(planted), false);
    },
  },
  "need somebody who holds them": {
    clause: "the command line of runc: create with a terminal takes --console-socket",
    action: (box) => box.refuses(["true"], (config) => Object.assign(config.process, { terminal: true })),
  },
});
