import { tmpdir } from "node:os";

/** Where copies of whole layers go: `$TMPDIR`, else /var/tmp, as /tmp is memory on many machines. */
export function temporaryRoot(): string {
  return process.env["TMPDIR"] || (process.platform === "win32" ? tmpdir() : "/var/tmp");
}
