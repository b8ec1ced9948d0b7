/**
 * What a start becomes: the caller replaces itself with this program (`process.execve(path, args, env)`), so that
 * no JavaScript process stays, or spawns it with {@link launch}.
 */
export interface Launch {
  /** The executor. */
  readonly path: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** Where the executor tells why it failed; read it with `readFailure`. */
  readonly failureFile: string;
  /** The container's directory below the runtime's root. */
  readonly stateDirectory: string;
  /** What was left out on purpose, e.g. capabilities that the host cannot grant. */
  readonly warnings: readonly string[];
}
