import { parentPort } from "node:worker_threads";
import bcrypt from "bcryptjs";

/** What the worker is asked, one question after the other, each answered by a boolean. */
export interface PasswordQuestion {
  readonly password: string;
  readonly hash: string;
}

// The thread of passwordComparer() in password-comparer.ts.
parentPort?.on("message", ({ password, hash }: PasswordQuestion) => {
  parentPort?.postMessage(bcrypt.compareSync(password, hash));
});
