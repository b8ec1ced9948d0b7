import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { parseTap, type TapResult } from "./tap.ts";

/** What a program is known to do: passed cases at least, and the cases that may fail. */
interface Expectation {
  readonly ok: number;
  readonly failing: readonly string[];
  /** Why the failing cases fail, for docs/conformance.md. */
  readonly reason?: string;
}

const here = import.meta.dirname;
const repository = join(here, "../../..");
const programs = join(repository, ".cache/runtime-tools");
const listFile = join(here, "passing.json");
const MODULE = "github.com/opencontainers/runtime-tools";
const PROGRAM_TIMEOUT = 90_000;
/** A first build downloads and compiles a hundred packages. */
const BUILD_TIMEOUT = 900_000;
const update = process.env["UPDATE"] === "1";

const passing = JSON.parse(readFileSync(listFile, "utf8")) as Record<string, Expectation>;

/** Builds every program into .cache once; Go's own cache makes a repeat cheap. */
function build(): void {
  mkdirSync(programs, { recursive: true });
  const environment = { ...process.env, CGO_ENABLED: "0", GOFLAGS: "-mod=mod" };
  execFileSync(
    "go",
    ["build", "-o", `${programs}/`, `${MODULE}/validation/...`, `${MODULE}/cmd/runtimetest`],
    {
      cwd: here,
      env: environment,
      stdio: ["ignore", "ignore", "inherit"],
    },
  );
  const directory = execFileSync("go", ["list", "-m", "-f", "{{.Dir}}", MODULE], {
    cwd: here,
    env: environment,
    encoding: "utf8",
  });
  for (const architecture of ["amd64", "386"]) {
    const name = `rootfs-${architecture}.tar.gz`;
    rmSync(join(programs, name), { force: true });
    copyFileSync(join(directory.trim(), name), join(programs, name));
  }
}

function run(name: string, runtime: string): TapResult {
  const result = spawnSync(join(programs, name), {
    cwd: programs,
    env: { ...process.env, RUNTIME: runtime },
    encoding: "utf8",
    timeout: PROGRAM_TIMEOUT,
    killSignal: "SIGKILL",
    maxBuffer: 16 * 1024 * 1024,
  });
  const tap = parseTap(result.stdout);
  if (result.status === 0) return tap;
  const error = tap.error ?? `exit ${result.status ?? result.signal}: ${result.stderr.slice(-400)}`;
  return { ...tap, error: withoutNames(error) };
}

/** Names of directories and containers differ from run to run. */
function withoutNames(text: string): string {
  return text
    .replaceAll(/ocitest\d+/g, "ocitest…")
    .replaceAll(/[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/g, "ID…");
}

describe("runtime-tools validation", { timeout: 1_200_000 }, () => {
  let scratch: string;
  let runtime: string;
  const seen: Record<string, Expectation> = {};

  before(
    () => {
      build();
      scratch = mkdtempSync(join(tmpdir(), "corten-runtime-tools-"));
      runtime = process.env["RUNTIME"] ?? join(scratch, "corten-oci");
      if (process.env["RUNTIME"] === undefined) {
        assert.ok(
          existsSync(join(repository, "dist/corten-oci")),
          "dist/corten-oci is missing: run `npm run build`",
        );
        const command = `#!/bin/sh\nexec ${repository}/dist/corten-oci --root ${scratch}/state "$@"\n`;
        writeFileSync(runtime, command, { mode: 0o755 });
      }
    },
    { timeout: BUILD_TIMEOUT },
  );

  after(() => {
    rmSync(scratch, { recursive: true, force: true });
    if (update) writeFileSync(listFile, `${JSON.stringify(seen, undefined, 2)}\n`);
  });

  for (const name of Object.keys(passing)) {
    test(name, { timeout: PROGRAM_TIMEOUT + 10_000 }, () => {
      const { ok, failing, reason } = passing[name]!;
      const result = run(name, runtime);
      const failed = [...result.failed, ...(result.error === undefined ? [] : [result.error])];
      if (update) {
        const failures = [...new Set(failed)];
        seen[name] = {
          ok: result.ok,
          failing: failures,
          ...(failures.length > 0 && reason !== undefined ? { reason } : {}),
        };
        return;
      }
      const surprises = failed.filter((description) => !failing.includes(description));
      assert.deepEqual(surprises, [], `${name}: failures that passing.json does not know`);
      assert.ok(result.ok >= ok, `${name}: ${result.ok} cases passed, ${ok} did before`);
    });
  }

  test("every program of the suite is listed", () => {
    const built = readdirSync(programs).filter((name) => name !== "runtimetest" && !name.includes("."));
    assert.deepEqual(built.filter((name) => passing[name] === undefined).sort(), []);
  });
});
