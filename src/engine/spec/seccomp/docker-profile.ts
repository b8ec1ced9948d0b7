import { CortenError, type RuntimeSeccomp, type RuntimeSeccompRule } from "../../../spec/index.ts";

/*
 * Docker's format of seccomp profiles, which podman and containerd read as well: linux.seccomp of the OCI runtime
 * specification with conditions, so that one file serves every machine. `archMap` lists what each architecture runs
 * beside its own calls; a rule with `includes` or `excludes` depends on the container's capabilities, the machine's
 * architecture and its kernel.
 */

/** Conditions of a rule: all hold that are given. */
export interface RuleConditions {
  /** Capabilities of the container. */
  readonly caps?: readonly string[];
  /** Architectures by Go's names: amd64, arm64. */
  readonly arches?: readonly string[];
  /** The oldest kernel, as "4.8". */
  readonly minKernel?: string;
}

export interface DockerRule extends Omit<RuntimeSeccompRule, "names"> {
  readonly names?: readonly string[];
  /** The older form of `names`. */
  readonly name?: string;
  readonly comment?: string;
  readonly includes?: RuleConditions;
  readonly excludes?: RuleConditions;
}

export interface DockerProfile extends Omit<RuntimeSeccomp, "syscalls"> {
  readonly archMap?: ReadonlyArray<{
    readonly architecture: string;
    readonly subArchitectures?: readonly string[] | null;
  }> | null;
  readonly syscalls?: readonly DockerRule[] | null;
}

/** What the conditions are about. */
export interface ProfileSubject {
  /** The container's bounding set. */
  readonly capabilities: readonly string[];
  readonly kernel: { readonly major: number; readonly minor: number };
  /** `process.arch` of the machine. */
  readonly architecture: string;
}

const ARCHITECTURES: Readonly<Record<string, { readonly go: string; readonly libseccomp: string }>> = {
  x64: { go: "amd64", libseccomp: "SCMP_ARCH_X86_64" },
  arm64: { go: "arm64", libseccomp: "SCMP_ARCH_AARCH64" },
};

/** Decides the conditions of a profile. One without any stays what it is. @throws invalid-argument for a broken one */
export function decideProfile(profile: DockerProfile, subject: ProfileSubject): RuntimeSeccomp {
  const { archMap, syscalls, ...rest } = profile;
  const machine = ARCHITECTURES[subject.architecture];
  if ((archMap ?? []).length > 0 && (rest.architectures ?? []).length > 0) {
    throw broken("has both architectures and archMap");
  }
  const own = listOf(archMap, "archMap").find(({ architecture }) => architecture === machine?.libseccomp);
  return {
    ...rest,
    ...(own === undefined ? {} : { architectures: [own.architecture, ...(own.subArchitectures ?? [])] }),
    syscalls: listOf(syscalls, "syscalls")
      .filter(({ includes, excludes }) => isMeant(includes ?? {}, excludes ?? {}, subject, machine?.go))
      .map(plainRule),
  };
}

function plainRule(rule: DockerRule): RuntimeSeccompRule {
  const { name, names = [], comment: _, includes: __, excludes: ___, args, ...rest } = rule;
  if (name !== undefined && names.length > 0) throw broken(`has a rule with both name and names: ${name}`);
  // Docker's own file has null where there are none.
  return { ...rest, names: name === undefined ? names : [name], ...(args ? { args } : {}) };
}

function isMeant(
  includes: RuleConditions,
  excludes: RuleConditions,
  { capabilities, kernel }: ProfileSubject,
  architecture = "",
): boolean {
  const has = (name: string) => capabilities.includes(name);
  const reached = (text: string) => {
    const [, major, minor] = /^(\d+)\.(\d+)$/.exec(text) ?? [];
    if (major === undefined) throw broken(`has a minKernel that is no version: ${String(text).slice(0, 20)}`);
    const wanted = [Number(major), Number(minor)] as const;
    return kernel.major > wanted[0] || (kernel.major === wanted[0] && kernel.minor >= wanted[1]);
  };
  if (listOf(excludes.arches, "arches").includes(architecture)) return false;
  if (listOf(excludes.caps, "caps").some(has)) return false;
  if (excludes.minKernel !== undefined && reached(excludes.minKernel)) return false;
  const arches = listOf(includes.arches, "arches");
  if (arches.length > 0 && !arches.includes(architecture)) return false;
  if (!listOf(includes.caps, "caps").every(has)) return false;
  return includes.minKernel === undefined || reached(includes.minKernel);
}

function listOf<T>(value: readonly T[] | null | undefined, name: string): readonly T[] {
  if (value === undefined || value === null) return [];
  if (Array.isArray(value)) return value;
  throw broken(`has no list in ${name}`);
}

function broken(what: string): CortenError {
  return new CortenError("invalid-argument", `the seccomp profile ${what}`, {
    hint: "its format is that of Docker's default profile, or of linux.seccomp of the OCI runtime specification",
  });
}
