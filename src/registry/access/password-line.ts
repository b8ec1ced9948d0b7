import bcrypt from "bcryptjs";
import { CortenError } from "../../spec/index.ts";

/** What bcrypt looks at: longer passwords would be cut without a word. */
const MAX_PASSWORD = 72;

/**
 * The line of an htpasswd file for a user.
 *
 * @param cost 2^cost rounds: one more doubles the time of a guess, and of a login. Default 12, a third of a second
 * @throws invalid-argument when the name or the password cannot stand there
 */
export async function passwordLine(name: string, password: string, cost = 12): Promise<string> {
  if (name === "" || /[:\p{Cc}]/u.test(name) || name.startsWith("#")) {
    throw new CortenError("invalid-argument", `"${name}" cannot be a user's name`, {
      hint: "it may not be empty, begin with # or have a colon or control characters",
    });
  }
  if (password === "" || /\p{Cc}/u.test(password)) {
    throw new CortenError("invalid-argument", "the password is empty or has control characters");
  }
  const length = Buffer.byteLength(password);
  if (length > MAX_PASSWORD) {
    throw new CortenError(
      "invalid-argument",
      `the password has ${length} bytes, bcrypt takes ${MAX_PASSWORD}`,
    );
  }
  if (!Number.isInteger(cost) || cost < 4 || cost > 16) {
    throw new CortenError("invalid-argument", `cost ${cost} is not from 4 to 16`);
  }
  return `${name}:${await bcrypt.hash(password, cost)}`;
}
