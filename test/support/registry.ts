import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, mkdirSync, openSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { temporaryDirectory } from "./temporary-directory.ts";

/** Debian's docker-registry (CNCF Distribution 2.8) with an empty store, listening on loopback. */
export type Registry = AsyncDisposable & {
  /** `127.0.0.1:port`; plain HTTP. */
  readonly address: string;
  /** Where its files lie, to break them on purpose. */
  readonly storage: string;
  /** What it logged so far. */
  readonly log: () => string;
};

export type RegistryOptions = {
  /** Text of an htpasswd file with bcrypt hashes: the registry asks for basic authentication. */
  readonly htpasswd?: string;
  /** Allows deletes; on unless told. */
  readonly delete?: boolean;
};

/** Starts the registry and returns when it answers; disposing stops it and removes its files. */
export async function startRegistry(options: RegistryOptions = {}): Promise<Registry> {
  const directory = temporaryDirectory("registry");
  const storage = join(directory.path, "storage");
  mkdirSync(storage);
  const config = join(directory.path, "config.json");
  // JSON is YAML. Port 0 lets the kernel choose; the log names the port.
  const auth = options.htpasswd === undefined ? {} : htpasswdAuth(directory.path, options.htpasswd);
  writeFileSync(
    config,
    JSON.stringify({
      version: 0.1,
      log: { level: "info", formatter: "text" },
      storage: {
        filesystem: { rootdirectory: storage },
        delete: { enabled: options.delete ?? true },
      },
      http: { addr: "127.0.0.1:0" },
      ...auth,
    }),
  );
  // A file, as nobody drains a pipe while a test or a bench waits for a program: the registry would stop with it.
  const logFile = join(directory.path, "log");
  const output = openSync(logFile, "a");
  const child = spawn("docker-registry", ["serve", config], { stdio: ["ignore", output, output] });
  closeSync(output);
  const log = () => readFileSync(logFile, "utf8");
  try {
    const address = await listeningAddress(child, log);
    return {
      address,
      storage,
      log,
      async [Symbol.asyncDispose]() {
        await stop(child);
        directory[Symbol.dispose]();
      },
    };
  } catch (error) {
    await stop(child);
    directory[Symbol.dispose]();
    throw error;
  }
}

/** Waits for the line that names the port. @throws with the log when the registry ends or says nothing for 20 s */
async function listeningAddress(child: ChildProcess, log: () => string): Promise<string> {
  let failure: Error | undefined;
  child.once("error", (error) => {
    failure = error;
  });
  for (const deadline = Date.now() + 20_000; ; await sleep(20)) {
    const found = /listening on (127\.0\.0\.1:\d+)/.exec(log());
    if (found) return found[1]!;
    if (failure !== undefined) throw failure;
    if (child.exitCode !== null || child.signalCode !== null || Date.now() > deadline) {
      throw new Error(`docker-registry did not start: ${log()}`);
    }
  }
}

function htpasswdAuth(directory: string, text: string): object {
  const path = join(directory, "htpasswd");
  writeFileSync(path, text);
  return { auth: { htpasswd: { realm: "corten-test", path } } };
}

function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined)
    return Promise.resolve();
  return new Promise((resolve) => {
    child.once("exit", () => resolve());
    child.kill("SIGKILL");
  });
}
