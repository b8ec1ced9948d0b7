import { configFault, shown } from "../config/check.ts";

const PREFIX = "SECCOMP_FILTER_FLAG_";

/** Bits of seccomp(2) by the standard's names. */
const FLAGS: Readonly<Record<string, number>> = {
  [`${PREFIX}TSYNC`]: 1,
  [`${PREFIX}LOG`]: 2,
  [`${PREFIX}SPEC_ALLOW`]: 4,
  [`${PREFIX}WAIT_KILLABLE_RECV`]: 0x20,
};
const TSYNC = 1;
const SPEC_ALLOW = 4;
const NEW_LISTENER = 8;
const TSYNC_ESRCH = 0x10;
const WAIT_KILLABLE_RECV = 0x20;

const FLAG_NAMES: readonly string[] = Object.keys(FLAGS);

/**
 * The bits for seccomp(2). A profile that is silent about flags gets SPEC_ALLOW, as of runc: a filter is not there to
 * slow programs down by the mitigation of speculative store bypass, which kernels before 5.16 turn on otherwise.
 *
 * @param notifies whether the filter has a listener
 * @throws invalid-argument for a flag that the standard does not have
 */
export function flagBits(names: readonly string[] | undefined, notifies: boolean): number {
  if (names === undefined) return SPEC_ALLOW + (notifies ? NEW_LISTENER : 0);
  let bits = 0;
  for (const [index, name] of names.entries()) {
    if (!Object.hasOwn(FLAGS, name)) {
      throw configFault(`/linux/seccomp/flags/${index}`, `${shown(name)} is no flag`, FLAG_NAMES.join(", "));
    }
    bits |= FLAGS[name]!;
  }
  // It is about those who wait for a listener's answer; the kernel refuses it without one.
  if (!notifies) return bits & ~WAIT_KILLABLE_RECV;
  // Both return a number: the kernel wants to be told that a thread's ID is not what is wanted.
  return bits | NEW_LISTENER | ((bits & TSYNC) === 0 ? 0 : TSYNC_ESRCH);
}
