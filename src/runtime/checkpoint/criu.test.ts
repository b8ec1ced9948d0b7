import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { criuFailure, DUMP_LOG } from "./criu.ts";

describe("what criu failed with", () => {
  const directory = mkdtempSync(join(tmpdir(), "corten-criu-log-"));
  after(() => rmSync(directory, { recursive: true }));
  const failure = (log: string, output = "") => {
    writeFileSync(join(directory, DUMP_LOG), log);
    return criuFailure("dump", directory, DUMP_LOG, output);
  };

  it("is the first error of its log, but for a limit that it can do without", () => {
    const lines = [
      "(00.1) Error (criu/util.c:1): rlimit: Can't setup RLIMIT_NOFILE for self: no",
      "Error: ipv4: Address already assigned.",
      "(00.2) Error (criu/x.c:2): no luck",
      "(00.3) Error (criu/y.c:3): so it fails",
    ];
    const { message, hint } = failure(lines.join("\n"));
    assert.equal(message, "criu failed: dump: Error (criu/x.c:2): no luck");
    assert.equal(hint, `all of it is in ${join(directory, DUMP_LOG)}`);
  });

  it("is what it printed when it had no log yet", () => {
    assert.equal(failure("", "criu: not today").message, "criu failed: dump: criu: not today");
    assert.equal(failure("").message, "criu failed: dump: it said nothing");
  });

  it("names what a page server needs of the machine", () => {
    const { message, hint } = failure(
      "(01.6) Error (criu/page-pipe.c:424): page-pipe: splice: -1: Bad file descriptor\n(01.6) Error (criu/cr-dump.c:2036): Lazy pages transfer FAILED.\n",
    );
    assert.match(message, /splice: -1: Bad file descriptor$/);
    assert.match(hint ?? "", /CAP_SYS_RESOURCE, or with sysctl fs\.pipe-max-size=4194304; all of it/);
  });
});
