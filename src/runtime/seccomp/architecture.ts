import { configFault, shown } from "../config/check.ts";
import type { Architecture } from "./syscalls.ts";

/** Architectures of machines that Corten runs on. */
export type NativeArchitecture = "X86_64" | "AARCH64";

/** How calls of an architecture look to a filter. */
export interface Convention {
  /** AUDIT_ARCH_*, which struct seccomp_data holds. */
  readonly audit: number;
  /** 32: arguments are registers of 32 bits, and the rest of what a profile compares with is left out. */
  readonly bits: 32 | 64;
}

export const CONVENTIONS: Readonly<Record<Architecture, Convention>> = {
  X86_64: { audit: 0xc000_003e, bits: 64 },
  X86: { audit: 0x4000_0003, bits: 32 },
  X32: { audit: 0xc000_003e, bits: 32 },
  AARCH64: { audit: 0xc000_00b7, bits: 64 },
  ARM: { audit: 0x4000_0028, bits: 32 },
};

/** Architectures whose programs a machine can run besides its own. */
const GUESTS: Readonly<Record<NativeArchitecture, readonly Architecture[]>> = {
  X86_64: ["X86", "X32"],
  AARCH64: ["ARM"],
};

const FAMILIES =
  "X86 X86_64 X32 ARM AARCH64 MIPS MIPS64 MIPS64N32 MIPSEL MIPSEL64 MIPSEL64N32 PPC PPC64 PPC64LE S390 S390X PARISC PARISC64 RISCV64 LOONGARCH64 M68K SH SHEB";

/** The names that the standard gives architectures. */
export const ARCHITECTURE_NAMES: readonly string[] = FAMILIES.split(" ").map((name) => `SCMP_ARCH_${name}`);

/**
 * The architectures that a filter is made for: the machine's own, and those listed whose programs it can run. Calls of
 * any other end at the filter's last instruction.
 *
 * @throws invalid-argument for a name that the standard does not have
 */
export function chooseArchitectures(names: readonly string[], native: NativeArchitecture): Set<Architecture> {
  const chosen = new Set<Architecture>([native]);
  for (const [index, name] of names.entries()) {
    if (!ARCHITECTURE_NAMES.includes(name)) {
      throw configFault(`/linux/seccomp/architectures/${index}`, `${shown(name)} is no architecture`);
    }
    const guest = GUESTS[native].find((each) => name === `SCMP_ARCH_${each}`);
    if (guest !== undefined) chosen.add(guest);
  }
  return chosen;
}
