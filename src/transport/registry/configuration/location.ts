/** Where a name leads: a registry's host and a repository there. */
export interface Location {
  readonly host: string;
  readonly repository: string;
}

const HOST = /^(?:[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?|\[[A-Fa-f0-9:.]+\])(?::[0-9]{1,5})?$/;

/** True for `host` or `host:port`. */
export function isHost(text: string): boolean {
  return HOST.test(text);
}

/** True for `host[:port][/path…]`, as registries.conf writes prefixes and locations. */
export function isLocation(text: string): boolean {
  const [host = "", ...path] = text.split("/");
  return isHost(host) && path.every((part) => /^[a-z0-9]+(?:[._-]+[a-z0-9]+)*$/.test(part));
}
