import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import {
  chmodSync,
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { bundleConfig, cortenOci, isRoot, makeBusyboxRootfs, temporaryDirectory } from "../support/index.ts";

type Kind = "prestart" | "createRuntime" | "createContainer" | "startContainer" | "poststart" | "poststop";
type End = "ok" | "fail" | "timeout";

/** The command that a hook of this kind makes fail (runtime.md "Lifecycle"); a failed poststop is only told. */
const FAILS: Readonly<Record<Kind, "create" | "start" | undefined>> = {
  prestart: "create",
  createRuntime: "create",
  createContainer: "create",
  startContainer: "start",
  poststart: "start",
  poststop: undefined,
};

const KINDS = Object.keys(FAILS) as Kind[];

/** What every runtime has to do with hooks stands in test/black-box; this is how ours ends them, and what it says. */
describe("hooks", { skip: !isRoot }, () => {
  for (const kind of KINDS) {
    for (const end of ["ok", "fail", "timeout"] as const) {
      it(`${kind}: ${end}`, { timeout: 60_000 }, () => check(kind, end));
    }
  }
});

/** Creates, starts and deletes a container with one hook, and another of poststop as a witness. */
function check(kind: Kind, end: End): void {
  using scratch = temporaryDirectory("hooks");
  const bundle = join(scratch.path, "bundle");
  const rootfs = join(bundle, "rootfs");
  mkdirSync(bundle);
  makeBusyboxRootfs(rootfs);
  const config = bundleConfig(["/bin/sleep", "100"]);
  config.root["readonly"] = false;
  // A startContainer hook is looked up in the container, the others on the host; both find the same names.
  const inside = kind === "startContainer";
  const place = inside ? "/" : scratch.path;
  const script = join(inside ? rootfs : scratch.path, "hook.sh");
  const body = {
    ok: "exit 0",
    fail: "echo last words >&2; exit 3",
    timeout: `(sleep 30; touch ${join(place, "late")}) & sleep 30`,
  }[end];
  writeFileSync(script, `#!/bin/sh\ncat > ${join(place, "state")}\nenv > ${join(place, "env")}\n${body}\n`);
  chmodSync(script, 0o755);
  const hook = {
    path: join(place, "hook.sh"),
    args: ["hook", kind],
    env: ["PATH=/usr/bin:/bin", "ONLY=this"],
    timeout: end === "timeout" ? 1 : 20,
  };
  const witness = join(scratch.path, "poststop");
  const last = { path: "/bin/sh", args: ["sh", "-c", `/bin/cat > ${witness}`] };
  const hooks: Partial<Record<Kind, unknown[]>> = { poststop: [last] };
  hooks[kind] = [hook, ...(kind === "poststop" ? [last] : [])];
  writeFileSync(join(bundle, "config.json"), JSON.stringify({ ...config, hooks }));

  const id = `hooks-${process.pid}-${kind}-${end}`;
  const oci = (...args: string[]) =>
    runWithFile(cortenOci, ["--root", join(scratch.path, "root"), ...args], join(scratch.path, "told"));
  const begun = Date.now();
  const created = oci("create", "--bundle", bundle, id);
  const failing = end === "ok" ? undefined : FAILS[kind];
  const outcomes = [created.exitCode === 0];
  let told = created.told;
  if (created.exitCode === 0) {
    const started = oci("start", id);
    outcomes.push(started.exitCode === 0);
    told += started.told;
  }
  const expected = failing === "create" ? [false] : [true, failing !== "start"];
  assert.deepEqual(outcomes, expected, told);
  if (failing !== undefined) {
    assert.match(told, new RegExp(`error running ${kind} hook #0: hook "`));
    assert.match(told, end === "fail" ? /exited with 3/ : /did not end within/);
    if (end === "fail") assert.match(told, /last words/);
    // Destroyed by the failure itself, poststop hooks included.
    assert.notEqual(oci("state", id).exitCode, 0);
    assert.match(readFileSync(witness, "utf8"), /"status":"stopped"/);
  }

  const deleted = oci("delete", "--force", id);
  assert.equal(deleted.exitCode, 0, deleted.told);
  if (kind === "poststop" && end !== "ok") assert.match(deleted.told, /error running poststop hook #0/);
  assert.ok(Date.now() - begun < 15_000, "the time-out ends what the hook has started");
  const seen = inside ? rootfs : scratch.path;
  assert.equal(existsSync(join(seen, "late")), false);
  const env = readFileSync(join(seen, "env"), "utf8").trim().split("\n");
  assert.ok(env.includes("ONLY=this"));
  assert.deepEqual(env.filter((line) => !/^(?:PWD|SHLVL|_|OLDPWD)=/.test(line)).sort(), [
    "ONLY=this",
    "PATH=/usr/bin:/bin",
  ]);
  const state = JSON.parse(readFileSync(join(seen, "state"), "utf8"));
  assert.equal(state.id, id);
  assert.equal(state.bundle, bundle);
  assert.equal(typeof state.ociVersion, "string");
  const status =
    { startContainer: "created", poststart: "running", poststop: "stopped" }[kind as string] ?? "creating";
  assert.equal(state.status, status);
  assert.deepEqual(processesNaming(script), []);
}

/** The container inherits what a runtime writes to, so that is a file: a pipe would stay open until its end. */
function runWithFile(
  program: string,
  args: readonly string[],
  file: string,
): { exitCode: number | null; told: string } {
  const fd = openSync(file, "w");
  try {
    const { status } = spawnSync(program, args, {
      stdio: ["ignore", fd, fd],
      timeout: 20_000,
      killSignal: "SIGKILL",
    });
    return { exitCode: status, told: readFileSync(file, "utf8") };
  } finally {
    closeSync(fd);
  }
}

/** PIDs of processes that have `text` in their command lines. */
function processesNaming(text: string): string[] {
  return readdirSync("/proc").filter((pid) => {
    if (!/^\d+$/.test(pid)) return false;
    try {
      return readFileSync(`/proc/${pid}/cmdline`, "utf8").includes(text);
    } catch (error) {
      // It has ended meanwhile.
      if (["ENOENT", "ESRCH"].includes((error as NodeJS.ErrnoException).code ?? "")) return false;
      throw error;
    }
  });
}
