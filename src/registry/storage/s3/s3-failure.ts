import { CortenError } from "../../../spec/index.ts";
import { textOf } from "./xml.ts";

/** The error that a reply of S3 stands for. Its own code and message are kept; they hold no secrets. */
export function explainStatus(what: string, status: number, body: string): CortenError {
  const code = textOf(body, "Code") ?? `status ${status}`;
  const said = textOf(body, "Message");
  const message = `${what}: ${code}${said === undefined ? "" : ` (${said.slice(0, 300)})`}`;
  if (code === "SlowDown" || status === 429 || status === 408 || status >= 500)
    return new CortenError("unavailable", message);
  // A clock that is wrong, or a request that waited too long before it was sent.
  if (code === "RequestTimeout" || code === "RequestTimeTooSkewed")
    return new CortenError("unavailable", message);
  if (status === 404) {
    const hint =
      code === "NoSuchBucket" ? { hint: "make the bucket first: a registry does not make it" } : {};
    return new CortenError("not-found", message, hint);
  }
  if (status === 401 || status === 403) {
    return new CortenError("permission-denied", message, {
      hint: "the registry needs to list, read, write and delete in the bucket, and to abort multipart uploads",
    });
  }
  return new CortenError("internal", message);
}
