import type { ErrorCode } from "../spec/index.ts";
import { CortenError } from "../spec/index.ts";

const CODES: Readonly<Record<string, readonly [code: ErrorCode, why: string]>> = {
  ENOSPC: ["resource-exhausted", "the disk is full"],
  EDQUOT: ["resource-exhausted", "the disk quota is used up"],
  EFBIG: ["resource-exhausted", "the file is too large for this file system or its limit"],
  EMFILE: ["resource-exhausted", "this process has too many open files"],
  ENFILE: ["resource-exhausted", "the host has too many open files"],
  EACCES: ["permission-denied", "permission denied"],
  EPERM: ["permission-denied", "the operation is not permitted"],
  EROFS: ["permission-denied", "the file system is read-only"],
  EIO: ["data-loss", "the disk reports an error"],
};

/**
 * Turns the error of a failed file operation into a {@link CortenError}; others pass.
 *
 * @param what was tried, e.g. `cannot write blob sha256:…`
 */
export function explainFile(error: unknown, what: string): unknown {
  const { code: errno, syscall } = (error ?? {}) as NodeJS.ErrnoException;
  if (error instanceof CortenError || typeof errno !== "string" || !/^E[A-Z0-9]+$/.test(errno)) return error;
  const [code, why] = CODES[errno] ?? (["internal", errno] as const);
  return new CortenError(code, `${what}: ${why}`, {
    cause: error,
    errno,
    ...(syscall === undefined ? {} : { operation: syscall }),
  });
}
