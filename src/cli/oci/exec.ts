import { readFileSync } from "node:fs";
import { CAPABILITIES, type ExecOptions, parseProcess } from "../../runtime/index.ts";
import { CortenError } from "../../spec/index.ts";
import { become } from "./become.ts";
import type { execOptions, OciCall } from "./options.ts";
import { openLauncher } from "./runtime.ts";
import { storePlan } from "./store-plan.ts";

/** `corten-oci exec ID [COMMAND...]` */
export async function run(call: OciCall<typeof execOptions>): Promise<never> {
  const [id, ...args] = call.args;
  const settings = execSettings(call, args);
  const launcher = openLauncher(call, id!, "exec");
  const launch = launcher.prepareExec(id!, settings);
  await storePlan(call, (file) => launcher.storeExec(file, id!, settings));
  return become(launch, call);
}

function execSettings({ options, given }: OciCall<typeof execOptions>, args: readonly string[]): ExecOptions {
  const { process: file, cwd, tty, user, cgroup, cap } = options;
  if (file === undefined && args.length === 0) {
    throw new CortenError(
      "invalid-argument",
      "process args cannot be empty: exec needs a command or --process",
    );
  }
  return {
    ...(file === undefined ? { args } : { process: parseProcess(readFileSync(file)) }),
    ...(cwd === undefined ? {} : { cwd }),
    ...(options.env.length > 0 ? { env: options.env } : {}),
    ...(given.has("tty") ? { terminal: tty } : {}),
    ...(user === undefined ? {} : { user: numericUser(user) }),
    ...(options["additional-gids"].length > 0
      ? { additionalGids: options["additional-gids"].map(id32) }
      : {}),
    ...(cap.length > 0 ? { capabilities: cap.map(capability) } : {}),
    ...(given.has("no-new-privs") ? { noNewPrivileges: options["no-new-privs"] } : {}),
    ...(options["console-socket"] === undefined ? {} : { consoleSocket: options["console-socket"] }),
    ...(options["pid-file"] === undefined ? {} : { pidFile: options["pid-file"] }),
    detach: options.detach,
    preserveFds: options["preserve-fds"],
    ignorePaused: options["ignore-paused"],
    ...(options["pidfd-socket"] === undefined ? {} : { pidfdSocket: options["pidfd-socket"] }),
    ...(options["process-label"] === undefined ? {} : { selinuxLabel: options["process-label"] }),
    ...(options.apparmor === undefined ? {} : { apparmorProfile: options.apparmor }),
    ...(cgroup.length === 0 ? {} : { cgroups: cgroup }),
  };
}

/** A configuration may come from a newer kernel's world; what is typed for this one is a mistake. */
function capability(name: string): string {
  if (CAPABILITIES.includes(name.toUpperCase())) return name;
  throw new CortenError("invalid-argument", `--cap "${name}" is no capability`, {
    hint: "names are those of capabilities(7), such as CAP_KILL",
  });
}

/** `UID[:GID]`; names would have to be looked up in files that the container controls. */
function numericUser(text: string): { readonly uid: number; readonly gid?: number } {
  const [uid = "", gid, ...rest] = text.split(":");
  if (rest.length > 0) throw new CortenError("invalid-argument", `--user "${text}" is not UID[:GID]`);
  return gid === undefined ? { uid: id32(uid) } : { uid: id32(uid), gid: id32(gid) };
}

/** A user or group ID; 2^32-1 means "unchanged" to the kernel and is none. */
function id32(text: string): number {
  const id = /^\d{1,10}$/.test(text) ? Number(text) : Number.NaN;
  if (!(id < 0xffff_ffff)) throw new CortenError("invalid-argument", `"${text}" is not a user or group ID`);
  return id;
}
