import { spawn } from "node:child_process";

export type CommandResult = {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
};

export type CommandOptions = {
  readonly input?: string | Uint8Array;
  readonly cwd?: string;
  /** Added to the environment of the test. */
  readonly env?: Readonly<Record<string, string>>;
  /** After this the program gets SIGKILL and the call throws; 60 seconds unless told. */
  readonly timeoutMs?: number;
};

/** Runs a program to its end. A program that a signal ended has 128 + its number, as in a shell. */
export async function command(
  program: string,
  args: readonly string[],
  { input, cwd, env, timeoutMs = 60_000 }: CommandOptions = {},
): Promise<CommandResult> {
  const child = spawn(program, args, { cwd, env: { ...process.env, ...env }, stdio: "pipe" });
  const out: Buffer[] = [];
  const err: Buffer[] = [];
  child.stdout.on("data", (chunk: Buffer) => out.push(chunk));
  child.stderr.on("data", (chunk: Buffer) => err.push(chunk));
  // The program may end without reading its input.
  child.stdin.on("error", () => child.stdin.destroy());
  child.stdin.end(input);
  let late = false;
  const timer = setTimeout(() => {
    late = true;
    child.kill("SIGKILL");
  }, timeoutMs);
  const line = `${program} ${args.join(" ")}`;
  return new Promise((resolve, reject) => {
    child.on("error", (cause) => {
      clearTimeout(timer);
      reject(new Error(`cannot start ${line}`, { cause }));
    });
    child.on("close", (code, signal) => {
      clearTimeout(timer);
      const stdout = Buffer.concat(out).toString();
      const stderr = Buffer.concat(err).toString();
      if (late) reject(new Error(`${line} did not end within ${timeoutMs} ms: ${stdout}${stderr}`));
      else resolve({ exitCode: code ?? 128 + signalNumber(signal), stdout, stderr });
    });
  });
}

/** Runs a program that must succeed and returns its standard output without the last line break. */
export async function commandOutput(
  program: string,
  args: readonly string[],
  options?: CommandOptions,
): Promise<string> {
  const { exitCode, stdout, stderr } = await command(program, args, options);
  if (exitCode !== 0)
    throw new Error(`${program} ${args.join(" ")} exited with ${exitCode}: ${stderr}${stdout}`);
  return stdout.replace(/\n$/, "");
}

function signalNumber(signal: string | null): number {
  return (
    { SIGHUP: 1, SIGINT: 2, SIGQUIT: 3, SIGABRT: 6, SIGKILL: 9, SIGSEGV: 11, SIGTERM: 15 }[signal ?? ""] ?? 0
  );
}
