import type { TransportOptions } from "./place.ts";
import type { Password } from "./registry/login.ts";
import type { RegistryOptions } from "./registry/options.ts";

type AccountOptions = Omit<RegistryOptions, "credentials"> & TransportOptions;

/**
 * Asks a registry whether it knows the user, and keeps the credentials where Docker and Podman look for them.
 *
 * @param server `host[:port]`, or `host[:port]/path` for the repositories below it
 * @returns the file or the helper that has them now
 * @throws unauthenticated when the registry does not know the user; then nothing is stored
 */
export async function login(
  server: string,
  password: Password,
  options: AccountOptions = {},
): Promise<string> {
  const registry = await import("./registry/login.ts");
  return registry.login(server, password, options);
}

/**
 * Forgets the credentials of a registry, or of `all`.
 *
 * @returns false when there were none
 */
export async function logout(server: string | "all", options: AccountOptions = {}): Promise<boolean> {
  const registry = await import("./registry/login.ts");
  return registry.logout(server, options);
}

/** The name of the user who is logged in to a registry; undefined when nobody is. */
export async function loggedInUser(
  server: string,
  options: AccountOptions = {},
): Promise<string | undefined> {
  const registry = await import("./registry/login.ts");
  return registry.loggedInUser(server, options);
}
