import type { HostFacts } from "../../host/index.ts";
import type { RuntimeCapabilities, RuntimeLinux, RuntimeProcess } from "../../spec/index.ts";
import { CAPABILITIES, capabilityMask, capabilityNumber, maskHas } from "../config/capabilities.ts";
import { RLIMITS } from "../config/rlimits.ts";
import type { SectionBuilder } from "./builder.ts";
import { type SeccompFilter, Step } from "./launch-input.ts";
import { compileMemoryPolicy, compilePersonality, compileScheduling } from "./scheduling.ts";
import { type Label, writeLabels } from "./security-labels.ts";

/** The five sets as masks, limited to what can be granted here. */
export interface CapabilityMasks {
  readonly bounding: number;
  readonly effective: number;
  readonly permitted: number;
  readonly inheritable: number;
  readonly ambient: number;
}

/**
 * Turns capability names into masks. A name that is unknown, or that this process does not hold itself, is left out
 * with a warning (runtime-spec 1.1, config.md "Linux Process").
 */
export function capabilityMasks(
  sets: RuntimeCapabilities | undefined,
  host: Pick<HostFacts, "capabilities">,
  warnings: string[],
): CapabilityMasks {
  const lost = new Set<string>();
  const mask = (kind: keyof RuntimeCapabilities, allowed: number, grantable = allowed): number => {
    const numbers: number[] = [];
    for (const name of sets?.[kind] ?? []) {
      const number = capabilityNumber(name);
      if (number !== undefined && maskHas(allowed, number)) numbers.push(number);
      else if (number === undefined || !maskHas(grantable, number))
        lost.add(number === undefined ? name : CAPABILITIES[number]!);
    }
    return capabilityMask(numbers);
  };
  const { permitted: held, bounding: bound } = host.capabilities;
  const bounding = mask("bounding", bound);
  const permitted = mask("permitted", held);
  // The kernel refuses a set that is not within permitted, so a capability lost there is lost here.
  const effective = mask("effective", permitted);
  const inheritable = mask("inheritable", held);
  // Not inheritable, so not ambient: the kernel's rule, not a lack of this host. Docker and runc write such sets.
  const ambient = sets?.ambient === undefined ? 0 : mask("ambient", commonMask(permitted, inheritable), held);
  if (lost.size > 0) {
    const names = [...lost].sort().join(" ");
    warnings.push(`/process/capabilities: ignoring unknown or unavailable capabilities: [${names}]`);
  }
  return { bounding, effective, permitted, inheritable, ambient };
}

function commonMask(one: number, other: number): number {
  const common: number[] = [];
  for (let number = 0; number < CAPABILITIES.length; number++) {
    if (maskHas(one, number) && maskHas(other, number)) common.push(number);
  }
  return capabilityMask(common);
}

/**
 * The soft limit of open files where the configuration names none. The caller's is lost: JavaScript engines raise
 * theirs to the hard limit before the first line of a program runs. 1024 is what Linux and systemd begin with, and the
 * highest at which select(2) works; a program that wants more raises its own, as the hard limit is the caller's still.
 */
const DEFAULT_OPEN_FILES = 1024;

/** What {@link compileIdentity} needs to know. */
export interface IdentityInput {
  readonly process: RuntimeProcess;
  readonly host: Pick<HostFacts, "capabilities">;
  readonly seccomp?: SeccompFilter | undefined;
  /** Settings of the container that hold for each of its processes. */
  readonly linux: Pick<RuntimeLinux, "personality" | "memoryPolicy"> | undefined;
  /** What `openLabels` has opened. */
  readonly labels: readonly Label[];
  /** Whether setgroups is called, as {@link Operation} `setUser` takes it. Default: 1. */
  readonly setgroups?: number;
  /** Pointer of the process object: "/process", or "" for a process.json. */
  readonly at: string;
}

/**
 * From privileged set-up to the user's process: limits, working directory, user, capabilities, system call filter.
 * Each step takes away what the next one no longer needs.
 */
export function compileIdentity(c: SectionBuilder, input: IdentityInput, warnings: string[]): void {
  const { process, host, seccomp, at } = input;
  const { user } = process;
  const masks = capabilityMasks(process.capabilities, host, warnings);
  const noNewPrivileges = process.noNewPrivileges === true;
  c.at(`${at}/cwd`, () => c.add("changeDirectory", { path: process.cwd, create: 0 }));
  for (const [index, { type, soft, hard }] of (process.rlimits ?? []).entries()) {
    c.at(`${at}/rlimits/${index}`, () =>
      c.add("setLimit", { resource: RLIMITS[type]!, soft: limitValue(soft), hard: limitValue(hard) }),
    );
  }
  if (!(process.rlimits ?? []).some(({ type }) => type === "RLIMIT_NOFILE")) {
    c.add("capLimit", { resource: RLIMITS["RLIMIT_NOFILE"]!, soft: DEFAULT_OPEN_FILES });
  }
  // With the rights of the one who starts it, and before the filter: the container's account file tells.
  if (!environmentOf(process).some((variable) => variable.startsWith("HOME="))) {
    c.at(`${at}/env`, () => c.add("findHome", { uid: user.uid }));
  }
  compileScheduling(c, process, at);
  compilePersonality(c, input.linux);
  compileMemoryPolicy(c, input.linux);
  c.at(`${at}/user`, () => {
    if (user.uid !== 0) c.add("ownStdio", { uid: user.uid });
    c.add("setUmask", { mask: user.umask ?? 0o022 });
  });
  writeLabels(c, input.labels);
  // Without no_new_privs the kernel takes a filter from a privileged process only: before privileges go.
  if (seccomp !== undefined && !noNewPrivileges) addFilter(c, seccomp);
  c.at(`${at}/capabilities/bounding`, () => c.add("dropBounding", { mask: masks.bounding }));
  c.at(`${at}/user`, () =>
    c.add("setUser", {
      uid: user.uid,
      gid: user.gid,
      groups: (user.additionalGids ?? []).map(String),
      setgroups: input.setgroups ?? 1,
    }),
  );
  const { effective, permitted, inheritable, ambient } = masks;
  c.at(`${at}/capabilities`, () => c.add("setCapabilities", { effective, permitted, inheritable, ambient }));
  if (noNewPrivileges) c.at(`${at}/noNewPrivileges`, () => c.add("setNoNewPrivileges", {}));
  c.at(`${at}/args/0`, () =>
    c.add("findExecutable", { name: process.args?.[0] ?? "", path: searchPath(process) }),
  );
  // With no_new_privs as late as can be, so that the filter need not allow what set-up calls.
  if (seccomp !== undefined && noNewPrivileges) addFilter(c, seccomp);
}

function addFilter(c: SectionBuilder, { program, flags, listener }: SeccompFilter): void {
  c.at("/linux/seccomp", () => {
    if (listener !== undefined) {
      c.add("setSeccompListener", { program, flags, event: Step.agentReady });
      return;
    }
    const none = c.take("seccomp listener");
    c.add("setSeccomp", { out: none, program, flags });
    c.release(none);
  });
}

/** JSON numbers end at 2^53: what rounds to 2^63 or more is RLIM_INFINITY. */
export function limitValue(value: number): number {
  return value >= 2 ** 63 ? -1 : value;
}

const DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

function searchPath({ env = [] }: RuntimeProcess): string {
  const entry = env.findLast((variable) => variable.startsWith("PATH="));
  return entry === undefined ? DEFAULT_PATH : entry.slice("PATH=".length);
}

/**
 * The process's environment: what the configuration says, of two variables with one name the later. An empty HOME is
 * left out: the executor finds it (`findHome`).
 */
export function environmentOf({ env = [] }: RuntimeProcess): string[] {
  const last = new Map<string, string>();
  for (const variable of env) {
    const name = variable.slice(0, variable.indexOf("="));
    last.delete(name);
    last.set(name, variable);
  }
  if (last.get("HOME") === "HOME=") last.delete("HOME");
  return [...last.values()];
}
