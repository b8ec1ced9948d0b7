import type { Examined } from "./examined.ts";
import { shown } from "./finding.ts";
import { isExposedPort, isSignal } from "./grammar.ts";

/** Judges the execution defaults of a configuration (config.md, "config"). */
export function examineExecution(view: Examined): void {
  if (view.object() === undefined) return;
  examineUser(view);
  examineEnv(view);
  for (const name of ["Entrypoint", "Cmd"]) view.nullable(name)?.strings();
  for (const [port, value] of view.nullable("ExposedPorts")?.entries() ?? []) {
    if (!isExposedPort(port)) value.report("port", `is ${shown(port)}, not port, port/tcp or port/udp`);
    emptyObject(value);
  }
  for (const [path, value] of view.nullable("Volumes")?.entries() ?? []) {
    if (!path.startsWith("/")) value.report("volume", `is ${shown(path)}, not an absolute path`);
    emptyObject(value);
  }
  const directory = view.nullable("WorkingDir")?.string();
  // Windows has its own; anything else must be absolute for the runtime (runtime-spec, process.cwd).
  if (directory && !directory.startsWith("/") && !/^[A-Za-z]:/.test(directory)) {
    view.field("WorkingDir").report("working-dir", `is ${shown(directory)}, not an absolute path`);
  }
  const signal = view.nullable("StopSignal")?.string();
  if (signal && !isSignal(signal)) {
    view
      .field("StopSignal")
      .report("stop-signal", `is ${shown(signal)}, not a signal such as SIGTERM or SIGRTMIN+3`);
  }
  if (view.nullable("ArgsEscaped")?.boolean() === true) {
    view.field("ArgsEscaped").report("deprecated-field", "is for Windows and deprecated");
  }
  for (const name of ["Memory", "MemorySwap", "CpuShares"]) {
    const value = view.field(name);
    if (typeof value.value === "number" && value.value !== 0)
      value.report("reserved-field", "is reserved and has no effect");
  }
  const health = view.nullable("Healthcheck");
  if (health !== undefined && health.object() !== undefined) health.nullable("Test")?.strings();
}

function examineUser(view: Examined): void {
  const user = view.nullable("User")?.string();
  if (!user) return;
  if (user.split(":").length > 2 || user.startsWith(":")) {
    view.field("User").report("user", `is ${shown(user)}, not user, uid, user:group or uid:gid`);
  }
  for (const part of user.split(":")) {
    // A number beyond 32 bits was taken for root by containerd (CVE-2024-40635).
    if (/^\d+$/.test(part) && Number(part) > 0x7fff_ffff) {
      view.field("User").report("user", `has the id ${part.slice(0, 40)}, which no Linux user has`);
    }
  }
}

function examineEnv(view: Examined): void {
  const seen = new Set<string>();
  for (const entry of view.nullable("Env")?.strings() ?? []) {
    const text = entry.value as string;
    const equals = text.indexOf("=");
    // Windows has variables such as "=C:=C:\", whose names begin with the sign.
    if (equals < 0 || text.indexOf("=", 1) < 0) entry.report("env", `is ${shown(text)}, not NAME=value`);
    else if (equals === 0) entry.report("env", `is ${shown(text)}, which has no name`);
    if (text.includes("\0")) entry.report("env", "holds a NUL, which no variable can");
    const name = equals < 0 ? text : text.slice(0, equals);
    if (seen.has(name)) entry.report("env-duplicate", `sets ${shown(name)} a second time`);
    seen.add(name);
  }
}

/** Sets are objects whose values say nothing; Docker has written null for them. */
function emptyObject(view: Examined): void {
  if (view.value !== null) view.object();
}
