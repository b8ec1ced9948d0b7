import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { hostFacts } from "../../host/index.ts";
import { CortenError, type RuntimeCapabilities, type RuntimeProcess } from "../../spec/index.ts";
import type { CgroupDirectory } from "../cgroup/control.ts";
import { compileExec, type ExecInput } from "../plan/compile-exec.ts";
import { hookState } from "../plan/hooks.ts";
import type { CompiledLaunch } from "../plan/launch-input.ts";
import { subgroups } from "./exec-cgroups.ts";
import type { ExecOptions } from "./options.ts";
import { filterOf, type LaunchFiles } from "./prepare-launch.ts";
import type { Observed } from "./status.ts";

/** Compiles the plan for one more process in a container. Changes nothing. */
export function planExec(
  container: Observed,
  options: ExecOptions,
  files: Omit<LaunchFiles, "stateDirectory">,
): CompiledLaunch & { readonly process: RuntimeProcess } {
  const { record, status, init } = container;
  if (init === undefined || status === "stopped" || status === "creating") {
    throw new CortenError("failed-precondition", `cannot exec in a ${status} container`);
  }
  if (status === "paused" && options.ignorePaused !== true) {
    throw new CortenError(
      "failed-precondition",
      "cannot exec in a paused container (use --ignore-paused to override)",
    );
  }
  const process = processOf(record.config.process!, options);
  const groups = (version: 1 | 2) => subgroups(record.cgroups, version, options.cgroups ?? []);
  const wanted = record.config.linux?.seccomp;
  const seccomp = wanted === undefined ? undefined : (options.filter ?? filterOf(record.config));
  const input: ExecInput = {
    id: record.id,
    target: init,
    namespaces: (record.config.linux?.namespaces ?? []).map(({ type }) => type),
    config: record.config,
    process,
    host: hostFacts(),
    cgroups: groups(1),
    unifiedCgroup: unifiedOf(groups(2)[0], record.cgroups),
    ...(record.rdt === undefined ? {} : { rdt: record.rdt }),
    linux: record.config.linux,
    detach: options.detach === true,
    preserveFds: options.preserveFds ?? 0,
    ...files,
    ...(seccomp === undefined ? {} : { seccomp, state: stateOf(container) }),
    ...(options.consoleSocket === undefined ? {} : { consoleSocket: resolve(options.consoleSocket) }),
    ...(options.pidFile === undefined ? {} : { pidFile: resolve(options.pidFile) }),
    ...(options.pidfdSocket === undefined ? {} : { pidfdSocket: resolve(options.pidfdSocket) }),
  };
  return { ...compileExec(input), process };
}

/** Beside v1 the tree of v2 limits nothing: a group that is there in the hierarchies of v1 only is no reason to fail. */
function unifiedOf(wanted: string | undefined, groups: readonly CgroupDirectory[]): string | undefined {
  if (wanted === undefined || groups.every(({ version }) => version === 2) || existsSync(wanted))
    return wanted;
  return groups.find(({ version }) => version === 2)?.path;
}

/** The state that a seccomp agent is told. */
function stateOf({ record, init }: Observed): string {
  const { before, after } = hookState(record, "running");
  return `${before}${init?.pid ?? 0}${after}`;
}

/** The process to run: a whole process object, or the container's own with single settings changed. */
function processOf(base: RuntimeProcess, options: ExecOptions): RuntimeProcess {
  const { args = [] } = options;
  if (options.process !== undefined) return options.process;
  if (args.length === 0 || args[0] === "")
    throw new CortenError("invalid-argument", "exec needs a program to run");
  const { consoleSize: _, ...kept } = base;
  return {
    ...kept,
    args,
    terminal: options.terminal === true,
    cwd: options.cwd ?? base.cwd,
    env: withVariables(base.env ?? [], options.env ?? []),
    user: {
      ...base.user,
      ...(options.user === undefined ? {} : { uid: options.user.uid }),
      ...(options.user?.gid === undefined ? {} : { gid: options.user.gid }),
      additionalGids: [...(base.user.additionalGids ?? []), ...(options.additionalGids ?? [])],
    },
    noNewPrivileges: options.noNewPrivileges ?? base.noNewPrivileges ?? false,
    ...(options.apparmorProfile === undefined ? {} : { apparmorProfile: options.apparmorProfile }),
    ...(options.selinuxLabel === undefined ? {} : { selinuxLabel: options.selinuxLabel }),
    capabilities: withCapabilities(base.capabilities ?? {}, options.capabilities ?? []),
  };
}

/** A variable that is set anew takes the place of the old one: programs see the first of two with one name. */
function withVariables(base: readonly string[], added: readonly string[]): string[] {
  const nameOf = (variable: string) => variable.split("=", 1)[0]!;
  const renewed = new Set(added.map(nameOf));
  return [...base.filter((variable) => !renewed.has(nameOf(variable))), ...added];
}

/**
 * Added capabilities never become inheritable: files of the image could turn them into more (CVE-2022-29162). One that
 * the container's process may inherit becomes ambient, as with runc; of others the kernel has none.
 */
function withCapabilities(base: RuntimeCapabilities, added: readonly string[]): RuntimeCapabilities {
  if (added.length === 0) return base;
  const join = (names: readonly string[] = []) => [...new Set([...names, ...added])];
  return {
    ...base,
    bounding: join(base.bounding),
    effective: join(base.effective),
    permitted: join(base.permitted),
    ...((base.inheritable ?? []).length === 0 ? {} : { ambient: join(base.ambient) }),
  };
}
