import { connect, type Socket } from "node:net";

/** What came back; the body is only counted. */
export type Answer = {
  readonly status: number;
  readonly head: string;
  readonly length: number;
};

const CHUNKED = /\r\ntransfer-encoding: chunked/i;

/**
 * One connection that asks one thing after another and does as little as possible itself: the servers under test and
 * this client share the machine. Answers say their length, or are short and come in chunks.
 */
export class Connection implements Disposable {
  readonly #socket: Socket;
  #head = "";
  /** Bytes of the body still to come; undefined while the head is read. */
  #left: number | undefined;
  #answer: Answer | undefined;
  /** The body so far of an answer in chunks, framing included; undefined when the answer says its length. */
  #chunked: string | undefined;
  #bodiless = false;
  #closed = false;
  #done: ((answer: Answer) => void) | undefined;
  #failed: ((error: Error) => void) | undefined;

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.on("data", (chunk: Buffer) => this.#read(chunk));
    socket.on("error", (error) => this.#failed?.(error));
    socket.on("close", () => {
      this.#closed = true;
      this.#failed?.(new Error("the server closed the connection"));
    });
  }

  static async open(port: number): Promise<Connection> {
    const socket = connect({ port, host: "127.0.0.1", noDelay: true });
    await new Promise<void>((resolve, reject) => socket.once("connect", resolve).once("error", reject));
    return new Connection(socket);
  }

  /** Sends a request; its body is the parts, one after another. */
  async ask(method: string, path: string, parts: readonly Uint8Array[] = [], type = ""): Promise<Answer> {
    if (this.#closed) throw new Error("the server has closed the connection");
    const length = parts.reduce((sum, part) => sum + part.length, 0);
    const described = type === "" ? "" : `Content-Type: ${type}\r\n`;
    const answered = new Promise<Answer>((resolve, reject) => {
      this.#done = resolve;
      this.#failed = reject;
    });
    this.#bodiless = method === "HEAD";
    this.#socket.cork();
    this.#socket.write(
      `${method} ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: application/vnd.oci.image.manifest.v1+json\r\nContent-Length: ${length}\r\n${described}\r\n`,
    );
    for (const part of parts) this.#socket.write(part);
    this.#socket.uncork();
    return await answered;
  }

  [Symbol.dispose](): void {
    this.#failed = undefined;
    this.#socket.destroy();
  }

  #read(chunk: Buffer): void {
    let body = chunk.length;
    if (this.#left === undefined) {
      const before = this.#head.length;
      this.#head += chunk.toString("latin1");
      const end = this.#head.indexOf("\r\n\r\n");
      if (end < 0) return;
      body = chunk.length - (end + 4 - before);
      const head = this.#head.slice(0, end);
      this.#head = "";
      const length = this.#bodiless ? 0 : Number(/\r\ncontent-length: (\d+)/i.exec(head)?.[1] ?? 0);
      this.#answer = { status: Number(head.slice(9, 12)), head, length };
      this.#left = length;
      if (!this.#bodiless && CHUNKED.test(head)) this.#chunked = "";
    }
    if (this.#chunked !== undefined) {
      this.#chunked += chunk.toString("latin1", chunk.length - body);
      if (!this.#chunked.endsWith("\r\n0\r\n\r\n")) return;
      this.#chunked = undefined;
      body = 0;
    }
    this.#left -= body;
    if (this.#left > 0) return;
    this.#left = undefined;
    this.#done?.(this.#answer!);
  }
}

/** Asks, and throws unless the answer has the status. */
export async function mustAnswer(status: number, asked: Promise<Answer>): Promise<Answer> {
  const answer = await asked;
  if (answer.status !== status)
    throw new Error(`the registry answered ${answer.head.slice(0, 300)}, not ${status}`);
  return answer;
}

/** A header of an answer. */
export function headerOf({ head }: Answer, name: string): string {
  const line = head.split("\r\n").find((text) => text.toLowerCase().startsWith(`${name}: `));
  if (line === undefined) throw new Error(`the answer has no ${name}: ${head.slice(0, 300)}`);
  return line.slice(name.length + 2);
}
