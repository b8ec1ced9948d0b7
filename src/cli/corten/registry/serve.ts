import { describeAddress, startRegistryServer } from "../../../registry/index.ts";
import { compileSoon } from "../../command/compile-soon.ts";
import { write } from "../../terminal/stream.ts";
import type { CortenCall } from "../table/globals.ts";
import type { serveOptions } from "../table/registry.ts";
import { configOf } from "./config.ts";

/** `corten registry serve`: ends with 0 when SIGTERM or SIGINT stopped it. */
export async function run(call: CortenCall<typeof serveOptions>): Promise<number> {
  compileSoon();
  const report = (message: string): void => void write(2, `corten: ${message}\n`);
  const { options, globals } = call;
  const config = await configOf(options.config, globals, {
    listen: options.listen,
    accessLog: options["access-log"],
  });
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
