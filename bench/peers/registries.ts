import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { corten } from "../../test/support/index.ts";
import { freePort } from "../harness/free-port.ts";
import { processorTimeOf } from "../harness/processor-time.ts";
import { type Daemon, startDaemon } from "./daemon.ts";

/** A registry under test: an empty store in a directory of its own. */
export type RegistryDaemon = Daemon & {
  readonly port: number;
  /** User and system time of its process so far, in milliseconds. */
  readonly processorTime: () => number;
};

/** How a registry is started. */
export type RegistryStart = {
  /** Port of a registry that this one is a cache of, for all names; without it, it is one to push to. */
  readonly upstream?: number;
};

/** Starts a registry with an empty store in a directory. */
export type StartRegistry = (directory: string, how?: RegistryStart) => Promise<RegistryDaemon>;

/** Starts `corten registry serve`. */
export function startCortenRegistry(
  directory: string,
  { upstream }: RegistryStart = {},
): Promise<RegistryDaemon> {
  return start(directory, (port) => {
    const config = join(directory, "config.yaml"); // JSON is YAML
    const registry = { registry: `127.0.0.1:${upstream}`, unprefixed: true, insecure: true };
    writeFileSync(
      config,
      JSON.stringify({
        root: join(directory, "root"),
        listen: [`127.0.0.1:${port}`],
        ...(upstream === undefined ? {} : { upstreams: [registry] }),
        access: "open",
      }),
    );
    return [corten, ["registry", "serve", "--config", config]];
  });
}

/** Starts Debian's docker-registry without access log, as ours has none by default. */
export function startDockerRegistry(
  directory: string,
  { upstream }: RegistryStart = {},
): Promise<RegistryDaemon> {
  return start(directory, (port) => {
    const config = join(directory, "config.json"); // JSON is YAML
    writeFileSync(
      config,
      JSON.stringify({
        version: 0.1,
        log: { level: "error", accesslog: { disabled: true } },
        storage: { filesystem: { rootdirectory: join(directory, "root") }, delete: { enabled: true } },
        http: { addr: `127.0.0.1:${port}` },
        ...(upstream === undefined ? {} : { proxy: { remoteurl: `http://127.0.0.1:${upstream}` } }),
      }),
    );
    return ["docker-registry", ["serve", config]];
  });
}

/** Starts zot, where the environment variable ZOT has the path of one (docs/performance.md), without extensions: it fetches from nowhere. */
export function startZot(directory: string): Promise<RegistryDaemon> {
  return start(directory, (port) => {
    const config = join(directory, "config.json");
    writeFileSync(
      config,
      JSON.stringify({
        distSpecVersion: "1.1.1",
        storage: { rootDirectory: join(directory, "root") },
        http: { address: "127.0.0.1", port: `${port}` },
        log: { level: "error", output: "/dev/null" },
      }),
    );
    return [process.env["ZOT"] ?? "zot", ["serve", config]];
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
  return { ...daemon, port, processorTime: () => processorTimeOf(daemon.pid) };
}
