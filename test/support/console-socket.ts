import { spawn } from "node:child_process";
import { join } from "node:path";

/**
 * Starts the other end of a runtime's `--console-socket`, which types `typed`; resolves, once it listens, to what will
 * have come out of the terminal.
 */
export async function listenForConsole(
  socket: string,
  typed: string,
): Promise<{ readonly output: Promise<string> }> {
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
