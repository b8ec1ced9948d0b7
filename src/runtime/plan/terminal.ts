import type { RuntimeProcess } from "../../spec/index.ts";
import type { SectionBuilder } from "./builder.ts";
import * as k from "./constants.ts";
import type { Register } from "./operation.ts";

/**
 * Opens a terminal on the container's own devpts, passes its master to the parent, and returns the register of the
 * slave. `relayed`: the executor itself will copy what is written to it. Everything goes by descriptors below `root`, so no symlink in the image decides what is opened.
 */
export function openTerminal(
  c: SectionBuilder,
  root: Register,
  process: RuntimeProcess,
  at: string,
  relayed: boolean,
): Register {
  const { consoleSize, user } = process;
  const slave = c.take("terminal");
  c.at(`${at}/terminal`, () => {
    const devpts = c.take("/dev/pts");
    c.add("resolve", { out: devpts, root, path: "dev/pts", create: 0, mode: 0, directory: 1 });
    const master = c.take("terminal master");
    c.add("openTerminal", {
      master,
      slave,
      devpts,
      rows: consoleSize?.height ?? 0,
      columns: consoleSize?.width ?? 0,
      uid: user.uid,
      relayed: relayed ? 1 : 0,
    });
    c.close(devpts);
    c.add("passToParent", { fd: master });
    c.close(master);
  });
  return slave;
}

/**
 * Puts the terminal on /dev/console (runtime-spec, config-linux.md "Default Devices"). The name is looked up below
 * /dev itself, so a symlink there cannot make a file elsewhere (CVE-2026-88264).
 */
export function bindConsole(c: SectionBuilder, root: Register, slave: Register): void {
  c.at("/process/terminal", () => {
    const dev = c.take("/dev");
    c.add("resolve", { out: dev, root, path: "dev", create: 1, mode: 0o755, directory: 0 });
    const console = c.take("/dev/console");
    c.add("resolve", { out: console, root: dev, path: "console", create: 2, mode: 0o620, directory: 0 });
    const tree = c.take("terminal's mount");
    c.add("openTree", { out: tree, dir: slave, path: "", flags: k.OPEN_TREE_CLONE });
    c.add("moveMount", { from: tree, to: console, path: "" });
    c.close(tree);
    c.close(console);
    c.close(dev);
  });
}

/** Hands the master that the container passes to whoever waits at the console socket; undefined: it is kept. */
export function receiveTerminal(
  h: SectionBuilder,
  socket: Register | undefined,
  at: string,
): Register | undefined {
  const master = h.take("terminal master");
  h.at(`${at}/terminal`, () => {
    h.add("receiveFromChild", { out: master });
    if (socket === undefined) return;
    h.add("sendDescriptor", { socket, fd: master, message: "/dev/ptmx" });
    h.close(master);
    h.close(socket);
  });
  return socket === undefined ? master : undefined;
}
