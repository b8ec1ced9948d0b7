import type { SectionBuilder } from "./builder.ts";
import type { Register } from "./operation.ts";

/** What accompanies the descriptor: a stream socket carries one only together with data. */
const MESSAGE = "pidfd";

/** Connects to the socket of `--pidfd-socket` before anything is made that would have to be undone. */
export function connectPidfdSocket(h: SectionBuilder, path: string | undefined): Register | undefined {
  if (path === undefined) return undefined;
  const socket = h.take(path);
  h.add("connect", { out: socket, path, seqpacket: 0 });
  return socket;
}

/** Hands a pidfd of the new process to whoever waits at the socket. */
export function sendPidfd(h: SectionBuilder, socket: Register | undefined, process: Register): void {
  if (socket === undefined) return;
  h.add("sendDescriptor", { socket, fd: process, message: MESSAGE });
  h.close(socket);
}
