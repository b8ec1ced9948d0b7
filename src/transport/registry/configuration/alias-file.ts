import { join } from "node:path";

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * The file in which Podman keeps what its users chose when they were asked, and Corten, too. Undefined where it is not known
 * whose cache to use.
 *
 * @param uid the effective user: root's is the machine's
 */
export function shortNameAliasesFile(environment: Environment, uid: number): string | undefined {
  const home = environment["HOME"];
  const cache = environment["XDG_CACHE_HOME"] || (home && join(home, ".cache"));
  const directory = uid === 0 ? "/var/cache" : cache;
  return directory ? join(directory, "containers", "short-name-aliases.conf") : undefined;
}
