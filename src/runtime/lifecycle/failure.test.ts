import assert from "node:assert/strict";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import fc from "fast-check";
import { failureError, parseFailure, readFailure } from "./failure.ts";

const record = (...fields: string[]) => Buffer.from(fields.map((field) => `${field}\0`).join(""));
const denied = record(
  "container",
  "12",
  "setLimit",
  "/process/rlimits/0",
  "1",
  "EPERM",
  "errno",
  "prlimit64(0, 7): EPERM",
);

describe("the executor's account of a failure", () => {
  it("becomes an error with pointer, call, errno and a hint", () => {
    const error = failureError(parseFailure(denied)!);
    assert.equal(error.code, "permission-denied");
    assert.equal(error.message, "/process/rlimits/0: prlimit64(0, 7): EPERM (operation not permitted)");
    assert.deepEqual(
      [error.pointer, error.operation, error.errno],
      ["/process/rlimits/0", "setLimit", "EPERM"],
    );
    assert.match(error.hint ?? "", /CAP_SYS_RESOURCE/);
  });

  it("keeps the texts that engines look for", () => {
    const text = 'exec: "foo": executable file not found in $PATH';
    const error = failureError(
      parseFailure(
        record("container", "3", "findExecutable", "/process/args/0", "2", "ENOENT", "executable", text),
      )!,
    );
    assert.equal(error.message, text);
    assert.equal(error.code, "not-found");
  });

  it("is read once", () => {
    const directory = mkdtempSync(join(tmpdir(), "corten-failure-"));
    try {
      const file = join(directory, "failure");
      assert.equal(readFailure(file), undefined);
      writeFileSync(file, denied);
      assert.equal(readFailure(file)?.errno, "EPERM");
      assert.equal(existsSync(file), false);
      writeFileSync(file, "garbage");
      assert.equal(readFailure(file)?.code, "internal");
    } finally {
      rmSync(directory, { recursive: true });
    }
  });

  it("is refused in any other form", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        const failure = parseFailure(bytes);
        if (failure !== undefined) failureError(failure);
      }),
    );
  });
});
