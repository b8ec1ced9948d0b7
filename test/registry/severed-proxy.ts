import { type AddressInfo, connect, createServer, type Socket } from "node:net";

/** A TCP proxy on loopback whose cable can be pulled. */
export interface SeveredProxy extends AsyncDisposable {
  readonly port: number;
  /** Breaks all connections and takes no more. */
  down(): Promise<void>;
  /** Takes connections again, at the same port. */
  up(): Promise<void>;
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
  const server = createServer((socket) => {
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
    async [Symbol.asyncDispose]() {
      if (server.listening) await down();
    },
  };
}
