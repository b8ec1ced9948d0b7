import { type AddressInfo, connect, createServer, type Socket } from "node:net";

/** A TCP proxy on loopback whose cable can be pulled. */
export interface SeveredProxy extends AsyncDisposable {
  readonly port: number;
  /** Breaks all connections and takes no more. */
  down(): Promise<void>;
  /** Takes connections again, at the same port. */
  up(): Promise<void>;
  /** Takes connections and what is sent, and lets nothing through either way. */
  mute(): void;
  /** Breaks the connections that were mute and lets everything through again. */
  unmute(): void;
}

/** Starts one in front of a port. */
export async function startSeveredProxy(target: number): Promise<SeveredProxy> {
  const sockets = new Set<Socket>();
  const keep = (socket: Socket, peer: Socket): void => {
    sockets.add(socket);
    socket.on("error", () => peer.destroy());
    socket.on("close", () => {
      sockets.delete(socket);
      peer.destroy();
    });
  };
  let mute = false;
  const server = createServer((socket) => {
    if (mute) {
      sockets.add(socket);
      socket.on("error", () => socket.destroy());
      socket.on("close", () => sockets.delete(socket));
      socket.resume();
      return;
    }
    const onward = connect(target, "127.0.0.1");
    keep(socket, onward);
    keep(onward, socket);
    socket.pipe(onward).pipe(socket);
  });
  const listen = (port: number) => new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve));
  const down = async (): Promise<void> => {
    const closed = new Promise((resolve) => server.close(resolve));
    for (const socket of sockets) socket.destroy();
    await closed;
  };
  await listen(0);
  const { port } = server.address() as AddressInfo;
  return {
    port,
    down,
    up: () => listen(port),
    mute() {
      mute = true;
      for (const socket of sockets) {
        socket.unpipe();
        socket.resume();
      }
    },
    unmute() {
      mute = false;
      for (const socket of sockets) socket.destroy();
    },
    async [Symbol.asyncDispose]() {
      if (server.listening) await down();
    },
  };
}
