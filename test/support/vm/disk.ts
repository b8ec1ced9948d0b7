import { existsSync, renameSync, rmSync } from "node:fs";
import { commandOutput } from "../command.ts";

/** Writes an ext4 file system with what is in `directory` to the file `image`, sparse, `megabytes` large, and labels it. */
export async function makeDisk(
  image: string,
  directory: string,
  label: string,
  megabytes: number,
): Promise<void> {
  const fresh = `${image}.${process.pid}`;
  rmSync(fresh, { force: true });
  await commandOutput("mke2fs", [
    ...["-q", "-t", "ext4", "-O", "^has_journal,^metadata_csum", "-E", "lazy_itable_init=1,nodiscard"],
    ...["-L", label, "-d", directory, fresh, `${megabytes}M`],
  ]);
  if (!existsSync(fresh)) throw new Error(`mke2fs made no ${fresh}`);
  renameSync(fresh, image);
}
