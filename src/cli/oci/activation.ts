import { isAbsolute } from "node:path";
import type { CreateOptions } from "../../runtime/index.ts";
import { CortenError } from "../../spec/index.ts";

/** More than systemd gives by default would be a mistake; the executor keeps 1000. */
const MAX_SOCKETS = 1000;

/**
 * What a service manager has given to this process for the container: sockets (sd_listen_fds(3)) and the address that is
 * told of its readiness (sd_notify(3)).
 *
 * Sockets count only when they are meant for this very process: else a variable that merely was inherited would hand
 * unrelated descriptors of the caller to the container.
 *
 * @throws invalid-argument for a number of sockets, or an address, that cannot be
 */
export function readActivation(
  environment: Readonly<Record<string, string | undefined>>,
  pid: number,
): Pick<CreateOptions, "listenFds" | "notifySocket"> {
  const { LISTEN_PID, LISTEN_FDS, LISTEN_FDNAMES: names, NOTIFY_SOCKET: notifySocket = "" } = environment;
  if (notifySocket !== "" && !isAbsolute(notifySocket) && !notifySocket.startsWith("@")) {
    throw new CortenError("invalid-argument", `NOTIFY_SOCKET is neither a path nor an abstract socket`);
  }
  return {
    ...(LISTEN_PID === `${pid}` && LISTEN_FDS !== undefined
      ? { listenFds: { count: countOf(LISTEN_FDS), ...(names === undefined ? {} : { names }) } }
      : {}),
    ...(notifySocket === "" ? {} : { notifySocket }),
  };
}

function countOf(text: string): number {
  const count = /^\d{1,4}$/.test(text) ? Number(text) : Number.NaN;
  if (!(count <= MAX_SOCKETS)) {
    throw new CortenError("invalid-argument", `LISTEN_FDS is no number from 0 to ${MAX_SOCKETS}`);
  }
  return count;
}
