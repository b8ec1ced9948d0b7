import { join } from "node:path";
import { dataDirectory } from "../../../host/index.ts";
import {
  DEFAULT_LISTEN,
  describeAddress,
  openConfig,
  parseListenAddress,
  type RegistryConfig,
  readConfigFile,
  startRegistryServer,
} from "../../../registry/index.ts";
import { write } from "../../terminal/stream.ts";
import type { CortenCall } from "../table/globals.ts";
import type { serveOptions } from "../table/registry.ts";

/** `corten registry serve`: ends with 0 when SIGTERM or SIGINT stopped it. */
export async function run(call: CortenCall<typeof serveOptions>): Promise<number> {
  const report = (message: string): void => void write(2, `corten: ${message}\n`);
  const config = await configOf(call);
  await using server = await startRegistryServer(config, { report });
  const scheme = config.tls === undefined ? "http" : "https";
  for (const address of server.addresses) {
    const text = describeAddress(address);
    report(`registry listens at ${"path" in address ? text : `${scheme}://${text}`}`);
  }
  process.on("SIGHUP", () => {
    server.reload().catch((error: unknown) => report((error as Error).message));
  });
  await new Promise<void>((resolve) => {
    process.once("SIGTERM", resolve);
    process.once("SIGINT", resolve);
  });
  // Whoever sends the signal again does not want to wait.
  for (const signal of ["SIGTERM", "SIGINT"] as const) process.once(signal, () => process.exit(130));
  return 0;
}

/** The file's settings; what the command line says comes first. */
async function configOf({ options, globals }: CortenCall<typeof serveOptions>): Promise<RegistryConfig> {
  const root = join(globals.root ?? dataDirectory(), "registry");
  const listen = options.listen.map(parseListenAddress);
  const accessLog = options["access-log"];
  if (options.config === undefined) {
    return openConfig(root, listen.length > 0 ? listen : [parseListenAddress(DEFAULT_LISTEN)], accessLog);
  }
  const config = await readConfigFile(options.config, root);
  return {
    ...config,
    ...(listen.length > 0 ? { listen } : {}),
    ...(accessLog === undefined ? {} : { accessLog }),
  };
}
