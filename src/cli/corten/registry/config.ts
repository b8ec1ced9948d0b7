import { join } from "node:path";
import { dataDirectory } from "../../../host/index.ts";
import {
  DEFAULT_LISTEN,
  openConfig,
  parseListenAddress,
  type RegistryConfig,
  readConfigFile,
} from "../../../registry/index.ts";
import type { CortenCall } from "../table/globals.ts";

/** What the command line says, which comes first. */
interface Words {
  readonly listen?: readonly string[];
  readonly accessLog?: string | undefined;
}

/** The settings of the file, where one is given; else those of a registry for this machine, below the root. */
export async function configOf(
  file: string | undefined,
  { root }: CortenCall["globals"],
  words: Words = {},
): Promise<RegistryConfig> {
  const directory = join(root ?? dataDirectory(), "registry");
  const listen = (words.listen ?? []).map(parseListenAddress);
  const { accessLog } = words;
  if (file === undefined) {
    return openConfig(
      directory,
      listen.length > 0 ? listen : [parseListenAddress(DEFAULT_LISTEN)],
      accessLog,
    );
  }
  const config = await readConfigFile(file, directory);
  return {
    ...config,
    ...(listen.length > 0 ? { listen } : {}),
    ...(accessLog === undefined ? {} : { accessLog }),
  };
}
