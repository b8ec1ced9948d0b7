import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { configPlatform, formatPlatform, hostPlatform, runsOnHost } from "../image/index.ts";
import { CortenError, type ImageConfig } from "../spec/index.ts";

/** Where the kernel lists the interpreters of foreign executables (binfmt_misc(5)). */
const INTERPRETERS = "/proc/sys/fs/binfmt_misc";

/** `e_machine` in the header of executables, by GOARCH. */
const MACHINES: Readonly<Record<string, number>> = {
  "386": 3,
  amd64: 62,
  arm: 40,
  arm64: 183,
  loong64: 258,
  mips64le: 8,
  ppc64le: 21,
  riscv64: 243,
  s390x: 22,
};

/**
 * Refuses an image whose programs this machine cannot execute: for another operating system, or for another
 * processor unless the kernel was told of an emulator for it.
 *
 * @param image what the user called it
 * @throws failed-precondition
 */
export function checkPlatform(image: string, config: ImageConfig, interpreters = INTERPRETERS): void {
  const platform = configPlatform(config);
  if (runsOnHost(platform)) return;
  if (platform.os === "linux" && hasInterpreter(platform.architecture, interpreters)) return;
  throw new CortenError(
    "failed-precondition",
    `image "${image}" is for ${formatPlatform(platform).slice(0, 100)}, this machine is ${formatPlatform(hostPlatform())}`,
    {
      hint:
        platform.os === "linux"
          ? "pull it for this machine, or install an emulator (qemu-user-static) with binfmt_misc"
          : "pull it for this machine",
    },
  );
}

function hasInterpreter(architecture: string, directory: string): boolean {
  const machine = MACHINES[architecture];
  if (machine === undefined) return false;
  try {
    return readdirSync(directory).some((name) =>
      isFor(machine, readFileSync(join(directory, name), "latin1").slice(0, 4096)),
    );
  } catch (error) {
    // Not mounted, or not readable in a container: then nothing is known of an emulator.
    if ((error as NodeJS.ErrnoException).code !== undefined) return false;
    throw error;
  }
}

/** Reads an entry: `enabled`, `interpreter /usr/bin/qemu-s390x`, `magic 7f454c46…`, the start of an ELF header. */
function isFor(machine: number, entry: string): boolean {
  const magic = /^magic 7f454c46..(0[12])(?:..){12}(..)(..)/m.exec(entry);
  if (magic === null || !entry.startsWith("enabled")) return false;
  const [, order, first, second] = magic;
  return Number.parseInt(order === "01" ? `${second}${first}` : `${first}${second}`, 16) === machine;
}
