import { execFileSync } from "node:child_process";
import { chmodSync, chownSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { temporaryDirectory } from "./temporary-directory.ts";

/** A PostgreSQL server of the test's own, reached by a socket in its directory. */
export type PostgresqlServer = Disposable & {
  /** Address of a database; the server's user may do everything there. */
  readonly url: string;
  /** Ends it as a crash does; its data stays. */
  stop(): void;
  /** Starts it again. */
  start(): void;
};

/**
 * Makes a database cluster with Debian's PostgreSQL and starts it. As root it runs as `postgres`, for the server
 * refuses to run as root; disposing stops it and removes its files.
 */
export function startPostgresql(): PostgresqlServer {
  const directory = temporaryDirectory("postgresql");
  const root = process.getuid?.() === 0;
  if (root) {
    const [uid, gid] = idsOf("postgres");
    chownSync(directory.path, uid, gid);
    chmodSync(directory.path, 0o700);
  }
  const data = join(directory.path, "data");
  const run = (program: string, ...args: string[]): void => {
    const path = join("/usr/lib/postgresql", newestVersion(), "bin", program);
    const command = root ? ["runuser", "-u", "postgres", "--", path, ...args] : [path, ...args];
    execFileSync(command[0] as string, command.slice(1), {
      cwd: directory.path,
      stdio: ["ignore", "ignore", "pipe"],
    });
  };
  run("initdb", "-D", data, "-A", "trust", "-U", "corten", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync");
  const options = `-c listen_addresses='' -c unix_socket_directories='${directory.path}' -c fsync=off`;
  let running = false;
  const start = () => {
    run("pg_ctl", "-D", data, "-o", options, "-l", join(directory.path, "log"), "-w", "start");
    running = true;
  };
  const stop = () => {
    running = false;
    run("pg_ctl", "-D", data, "-m", "immediate", "-w", "stop");
  };
  start();
  return {
    url: `postgres://corten@localhost/postgres?host=${directory.path}`,
    start,
    stop,
    [Symbol.dispose]() {
      if (running) stop();
      directory[Symbol.dispose]();
    },
  };
}

function newestVersion(): string {
  const versions = readdirSync("/usr/lib/postgresql").sort((a, b) => Number(b) - Number(a));
  if (versions[0] === undefined) throw new Error("no PostgreSQL server is installed");
  return versions[0];
}

function idsOf(user: string): readonly [uid: number, gid: number] {
  const line = readFileSync("/etc/passwd", "utf8")
    .split("\n")
    .find((entry) => entry.startsWith(`${user}:`));
  const [, , uid, gid] = line?.split(":") ?? [];
  if (uid === undefined || gid === undefined) throw new Error(`there is no user ${user}`);
  return [Number(uid), Number(gid)];
}
