import { readFileSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { CortenError } from "../../spec/index.ts";
import type { Value } from "./marshal.ts";
import { decodeMessage, encodeMessage, type Message, MessageType } from "./message.ts";

/** How long the bus may take for an answer, in milliseconds. */
const ANSWER_TIMEOUT = 25_000;

/** A method to call. */
export interface Method {
  readonly destination: string;
  readonly path: string;
  readonly interface: string;
  readonly member: string;
  readonly signature?: string;
  readonly body?: readonly Value[];
}

interface Waiting {
  readonly resolve: (message: Message) => void;
  readonly reject: (error: Error) => void;
}

/** An error that the other side answered with. */
export class BusError extends Error {
  /** Such as `org.freedesktop.systemd1.UnitExists`. */
  readonly errorName: string;

  constructor(errorName: string, text: string) {
    super(text === "" ? errorName : `${errorName}: ${text}`);
    this.errorName = errorName;
  }
}

/**
 * A connection to a D-Bus daemon, as far as the systemd cgroup manager needs one: calls, their answers, signals. The
 * libraries for Node bring an event-stream, an XML parser and 64-bit shims of their own for three calls.
 */
export class Bus implements AsyncDisposable {
  readonly #socket: Socket;
  readonly #waiting = new Map<number, Waiting>();
  readonly #listeners = new Set<(message: Message) => void>();
  #received: Buffer = Buffer.alloc(0);
  #authenticated: (() => void) | undefined;
  #failed: Error | undefined;
  #serial = 0;

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.on("data", (chunk: Buffer) => this.#take(chunk));
    socket.on("error", (error) => this.#fail(error));
    socket.on("close", () => this.#fail(new Error("the bus has closed the connection")));
  }

  /**
   * Connects to the bus at a unix socket, as this user.
   *
   * @throws unavailable when nobody listens there, or the bus turns this user away
   */
  static async connect(address: string): Promise<Bus> {
    const socket = connect(address);
    const bus = new Bus(socket);
    try {
      const uid = Buffer.from(`${hostUser()}`).toString("hex");
      const authenticated = new Promise<void>((resolve, reject) => {
        bus.#authenticated = resolve;
        bus.#waiting.set(0, { resolve: () => resolve(), reject });
      });
      socket.write(`\0AUTH EXTERNAL ${uid}\r\n`);
      await within(authenticated, "authentication");
      bus.#waiting.delete(0);
      socket.write("BEGIN\r\n");
      const destination = "org.freedesktop.DBus";
      const path = "/org/freedesktop/DBus";
      await bus.call({ destination, path, interface: destination, member: "Hello" });
      return bus;
    } catch (cause) {
      socket.destroy();
      const { code, message } = cause as NodeJS.ErrnoException;
      throw new CortenError("unavailable", `cannot reach D-Bus at ${address}: ${code ?? message}`, {
        hint: "the systemd cgroup manager needs systemd and its bus; without it leave --systemd-cgroup out",
        cause,
      });
    }
  }

  /** Calls a method. @throws BusError with the other side's error, unavailable when it does not answer */
  async call(method: Method): Promise<readonly Value[]> {
    if (this.#failed !== undefined) throw this.#failed;
    this.#serial += 1;
    const serial = this.#serial;
    const answer = new Promise<Message>((resolve, reject) => this.#waiting.set(serial, { resolve, reject }));
    this.#socket.write(encodeMessage({ body: [], ...method, type: MessageType.call, serial }));
    try {
      return (await within(answer, method.member)).body;
    } finally {
      this.#waiting.delete(serial);
    }
  }

  /** Hears every signal that comes until it is told to stop. */
  listen(listener: (message: Message) => void): Disposable {
    this.#listeners.add(listener);
    return { [Symbol.dispose]: () => this.#listeners.delete(listener) };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#socket.destroy();
  }

  #take(chunk: Buffer): void {
    this.#received = Buffer.concat([this.#received, chunk]);
    try {
      if (this.#authenticated !== undefined) this.#takeLine();
      for (;;) {
        if (this.#authenticated !== undefined) return;
        const found = decodeMessage(this.#received);
        if (found === undefined) return;
        this.#received = this.#received.subarray(found.length);
        this.#dispatch(found.message);
      }
    } catch (error) {
      this.#fail(error as Error);
      this.#socket.destroy();
    }
  }

  #takeLine(): void {
    const end = this.#received.indexOf("\r\n");
    if (end < 0 && this.#received.length < 512) return;
    const line = this.#received.subarray(0, Math.max(end, 0)).toString("latin1");
    this.#received = this.#received.subarray(end + 2);
    if (!line.startsWith("OK ")) throw new Error(`the bus refuses this user: ${line.slice(0, 100)}`);
    this.#authenticated?.();
    this.#authenticated = undefined;
  }

  #dispatch(message: Message): void {
    if (message.type === MessageType.signal) for (const listener of this.#listeners) listener(message);
    const waiting = this.#waiting.get(message.replySerial ?? -1);
    if (message.type === MessageType.reply) waiting?.resolve(message);
    if (message.type !== MessageType.error) return;
    const [text] = message.body;
    waiting?.reject(new BusError(message.error ?? "", typeof text === "string" ? text : ""));
  }

  #fail(error: Error): void {
    this.#failed ??= error;
    for (const { reject } of this.#waiting.values()) reject(error);
    this.#waiting.clear();
  }
}

/** Waits for what the bus owes us. */
export async function within<T>(answer: Promise<T>, what: string, timeoutMs = ANSWER_TIMEOUT): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () => reject(new CortenError("unavailable", `systemd did not answer within ${timeoutMs} ms: ${what}`)),
      timeoutMs,
    );
  });
  try {
    return await Promise.race([answer, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** The bus sees this user from outside of a user namespace that the process may be in. */
function hostUser(): number {
  const uid = process.geteuid!();
  for (const line of readFileSync("/proc/self/uid_map", "utf8").split("\n")) {
    const [inside = 0, outside = 0, count = 0] = line.trim().split(/\s+/).map(Number);
    if (uid >= inside && uid < inside + count) return outside + uid - inside;
  }
  return uid;
}
