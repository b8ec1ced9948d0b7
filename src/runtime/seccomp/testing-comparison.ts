import assert from "node:assert/strict";
import type { RuntimeSeccomp } from "../../spec/index.ts";
import { compileSeccomp } from "./compile.ts";
import { detourOf } from "./multiplexed.ts";
import { syscallNumbers } from "./syscalls.ts";
import { runFilter } from "./testing-bpf.ts";
import { actionNumber, type Libseccomp } from "./testing-libseccomp.ts";

type Architecture = Parameters<typeof syscallNumbers>[0];
type Native = "X86_64" | "AARCH64";

const AUDIT: Readonly<Record<Architecture, number>> = {
  X86_64: 0xc000_003e,
  X32: 0xc000_003e,
  X86: 0x4000_0003,
  AARCH64: 0xc000_00b7,
  ARM: 0x4000_0028,
};
const X32_BIT = 0x4000_0000;
const NEWEST = 600;
const ENOSYS = 0x0005_0026;
const KILL_THREAD = 0;
const KILL_PROCESS = 0x8000_0000;

/**
 * Compares what our filter and libseccomp's decide about every call of every architecture. There are three differences
 * that are wanted; anything else fails:
 *
 * - calls of an architecture that the profile does not list kill the process, libseccomp: the thread;
 * - calls newer than the profile get ENOSYS where the default action denies (runc patches libseccomp's filter so);
 * - where the conditions of several rules hold whose actions differ, ours is the first (see `conflicts`).
 *
 * @param conflicts says of a call whether such rules meet there; then our answer alone is checked, by the caller
 * @returns the number of decisions that were compared
 */
export function compareFilters(
  libseccomp: Libseccomp,
  profile: RuntimeSeccomp,
  native: Native,
  options: {
    readonly values?: readonly bigint[];
    readonly conflicts?: (name: string, bits: 32 | 64, args: readonly bigint[]) => boolean;
    /**
     * Asks libseccomp for each architecture alone, and only about calls that it has: libseccomp 2.5.4 forgets to load the
     * number of the call where a call that the architecture lacks comes first.
     */
    readonly separately?: boolean;
  } = {},
): number {
  const guests = native === "X86_64" ? (["X86", "X32"] as const) : (["ARM"] as const);
  const listed = guests.filter((name) => profile.architectures?.includes(`SCMP_ARCH_${name}`));
  const together = options.separately ? undefined : libseccomp.compile(profile, [native, ...listed]);
  const { program: ours } = compileSeccomp(profile, native);
  let compared = 0;
  for (const architecture of [native, ...guests]) {
    const isListed = architecture === native || listed.includes(architecture as never);
    const asked = isListed ? architecture : native;
    const theirs = together ?? libseccomp.compile(withCallsOf(profile, asked), [asked]);
    const names = new Map([...syscallNumbers(architecture)].map(([name, number]) => [number, name]));
    const known = (profile.syscalls ?? [])
      .flatMap(({ names: mentioned }) => mentioned)
      // The other way to make the call counts as mentioned, too.
      .flatMap((name) => [name, architecture === "X86" ? (detourOf(name, [])?.name ?? name) : name])
      .map((name) => syscallNumbers(architecture).get(name) ?? -1)
      .filter((number) => number < 0xf_0000);
    const newest = known.length === 0 ? -1 : Math.max(...known);
    const denies = /KILL|ERRNO|TRAP/.test(profile.defaultAction);
    const fallback = actionNumber(profile.defaultAction, profile.defaultErrnoRet);
    const bit = architecture === "X32" ? X32_BIT : 0;
    const bits = architecture === "X86_64" || architecture === "AARCH64" ? 64 : 32;
    for (const number of [...range(NEWEST), 0xf_0002, 0xf_0005, 0x3fff_ffff]) {
      for (const args of samples(options.values ?? [], bits, number)) {
        if (options.conflicts?.(names.get(number) ?? "", bits, args)) continue;
        const got = runFilter(ours, AUDIT[architecture], number + bit, args);
        let wanted = runFilter(theirs, AUDIT[architecture], number + bit, args);
        if (!isListed) {
          assert.equal(wanted, KILL_THREAD);
          wanted = KILL_PROCESS;
        } else if (number > newest && newest >= 0 && denies && wanted === fallback) {
          wanted = ENOSYS;
        }
        if (got !== wanted) {
          const call = `${architecture} ${names.get(number) ?? number}(${args.map((each) => `0x${each.toString(16)}`).join(", ")})`;
          assert.fail(
            `${call}: ours 0x${got.toString(16)}, libseccomp's 0x${wanted.toString(16)}: ${JSON.stringify(profile).slice(0, 2000)}`,
          );
        }
        compared++;
      }
    }
  }
  const none = runFilter(ours, AUDIT[native], 0xffff_ffff);
  assert.ok(none !== KILL_PROCESS || profile.defaultAction === "SCMP_ACT_KILL_PROCESS", "call -1");
  return compared;
}

function withCallsOf(profile: RuntimeSeccomp, architecture: Architecture): RuntimeSeccomp {
  const numbers = syscallNumbers(architecture);
  const syscalls = (profile.syscalls ?? []).map((rule) => ({
    ...rule,
    names: rule.names.filter((name) => numbers.has(name)),
  }));
  return { ...profile, syscalls };
}

function range(length: number): number[] {
  return Array.from({ length }, (_, index) => index);
}

/** Lists of six arguments made of the values, the same for the same call. */
function samples(values: readonly bigint[], bits: 32 | 64, seed: number): bigint[][] {
  if (values.length === 0) return [Array.from({ length: 6 }, () => 0n)];
  const cut = bits === 32 ? values.map((value) => value & 0xffff_ffffn) : values;
  return values.map((_, shift) =>
    range(6).map((index) => cut[(shift + index * (seed % 7) + (index >> 1)) % cut.length]!),
  );
}
