import { availableParallelism } from "node:os";
import { Worker } from "node:worker_threads";
import { CortenError } from "../../spec/index.ts";
import type { PasswordQuestion } from "./password-worker.ts";

/** A thread that nobody needs holds some megabytes: it ends after this, in milliseconds. */
const IDLE_MS = 30_000;

interface Job extends PasswordQuestion {
  readonly resolve: (isRight: boolean) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Compares passwords with bcrypt hashes in threads of its own: a comparison takes a tenth of a second of one core, in
 * which the event loop would serve nobody. One core is left to everything else that the server does; whoever comes
 * while all threads are busy waits.
 */
export class PasswordComparer {
  readonly #threads: number;
  readonly #waiting: Job[] = [];
  readonly #idle: CompareThread[] = [];
  #started = 0;

  constructor(threads = Math.max(1, availableParallelism() - 1)) {
    this.#threads = threads;
  }

  /** True when the password is the one that the hash was made of. @throws internal when the thread fails */
  compare(password: string, hash: string): Promise<boolean> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ password, hash, resolve, reject });
      this.#next();
    });
  }

  #next(): void {
    if (this.#waiting.length === 0) return;
    const thread = this.#idle.pop() ?? (this.#started < this.#threads ? this.#start() : undefined);
    const job = thread === undefined ? undefined : this.#waiting.shift();
    if (job !== undefined) thread?.work(job);
  }

  #start(): CompareThread {
    this.#started++;
    return new CompareThread({
      free: (thread) => {
        this.#idle.push(thread);
        this.#next();
      },
      gone: (thread) => {
        this.#started--;
        const at = this.#idle.indexOf(thread);
        if (at >= 0) this.#idle.splice(at, 1);
        this.#next();
      },
    });
  }
}

/** Who is told when a thread has nothing to do, or has ended. */
interface ThreadOwner {
  readonly free: (thread: CompareThread) => void;
  readonly gone: (thread: CompareThread) => void;
}

/** One thread: it keeps the process alive while it works, not while it waits. */
class CompareThread {
  readonly #worker = new Worker(workerURL());
  readonly #owner: ThreadOwner;
  #job: Job | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(owner: ThreadOwner) {
    this.#owner = owner;
    this.#worker.on("message", (isRight: boolean) => {
      this.#job?.resolve(isRight);
      this.#job = undefined;
      this.#worker.unref();
      this.#timer = setTimeout(() => this.#end(undefined), IDLE_MS).unref();
      owner.free(this);
    });
    this.#worker.on("error", (error) => this.#end(error));
    this.#worker.on("exit", () => this.#end(undefined));
  }

  work(job: Job): void {
    clearTimeout(this.#timer);
    this.#job = job;
    this.#worker.ref();
    const question: PasswordQuestion = { password: job.password, hash: job.hash };
    this.#worker.postMessage(question);
  }

  #end(cause: unknown): void {
    this.#worker.removeAllListeners();
    this.#worker.on("error", () => undefined); // what comes after the end is nobody's
    void this.#worker.terminate();
    clearTimeout(this.#timer);
    this.#job?.reject(new CortenError("internal", "the thread that compares passwords has ended", { cause }));
    this.#job = undefined;
    this.#owner.gone(this);
  }
}

/** The module beside this one. In the executable it is an entry of its own, below the directory of all other modules. */
function workerURL(): URL {
  const here = import.meta.url;
  if (here.endsWith(".ts")) return new URL("./password-worker.ts", here);
  return new URL(
    here.includes("/$bunfs/") ? "./registry/access/password-worker.js" : "./password-worker.js",
    here,
  );
}
