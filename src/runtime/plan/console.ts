import { configFault } from "../config/check.ts";
import type { SectionBuilder } from "./builder.ts";
import type { LaunchInput } from "./launch-input.ts";
import type { Register } from "./operation.ts";

/** A terminal goes to the socket that the caller names, or, in the foreground, to the caller's own. */
export function checkTerminal({ config, mode, consoleSocket }: LaunchInput): void {
  const terminal = config.process?.terminal === true;
  if (terminal && mode !== "foreground" && consoleSocket === undefined) {
    throw configFault(
      "/process/terminal",
      "cannot allocate a terminal for a container that is left on its own without a console socket",
      "name a socket with --console-socket, or set process.terminal to false",
    );
  }
  if (!terminal && consoleSocket !== undefined) {
    throw configFault(
      "/process/terminal",
      "is false: a console socket would wait for a terminal that never comes",
    );
  }
}

/** Connects to the socket that will receive the terminal. */
export function connectConsole(h: SectionBuilder, { consoleSocket }: LaunchInput): Register | undefined {
  if (consoleSocket === undefined) return undefined;
  const socket = h.take(consoleSocket);
  h.add("connect", { out: socket, path: consoleSocket, seqpacket: 0 });
  return socket;
}
