import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { corten } from "../../test/support/index.ts";
import { freePort } from "../harness/free-port.ts";
import { type Daemon, startDaemon } from "./daemon.ts";

/** A registry under test: an empty store in a directory of its own. */
export type RegistryDaemon = Daemon & { readonly port: number };

/** Starts `corten registry serve`. */
export function startCortenRegistry(directory: string): Promise<RegistryDaemon> {
  return start(directory, (port) => [
    corten,
    ["--root", join(directory, "root"), "registry", "serve", "--listen", `127.0.0.1:${port}`],
  ]);
}

/** Starts Debian's docker-registry without access log, as ours has none by default. */
export function startDockerRegistry(directory: string): Promise<RegistryDaemon> {
  return start(directory, (port) => {
    const config = join(directory, "config.json"); // JSON is YAML
    writeFileSync(
      config,
      JSON.stringify({
        version: 0.1,
        log: { level: "error", accesslog: { disabled: true } },
        storage: { filesystem: { rootdirectory: join(directory, "root") }, delete: { enabled: true } },
        http: { addr: `127.0.0.1:${port}` },
      }),
    );
    return ["docker-registry", ["serve", config]];
  });
}

async function start(
  directory: string,
  command: (port: number) => readonly [program: string, args: readonly string[]],
): Promise<RegistryDaemon> {
  mkdirSync(directory, { recursive: true });
  const port = await freePort();
  const [program, args] = command(port);
  const probe = ["curl", "-sf", "-o", "/dev/null", `http://127.0.0.1:${port}/v2/`] as const;
  const daemon = await startDaemon(program, args, join(directory, "log"), probe);
  return { ...daemon, port };
}
