import { mkdirSync, rmdirSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { commandOutput, debianRootfs, makeBusyboxRootfs } from "../../support/index.ts";

/**
 * Puts root file systems where runc's suite looks before it downloads any: Debian's busybox, and a Debian made by
 * debootstrap, under the names of the archives that it would fetch.
 */
export async function makeImages(testdata: string): Promise<void> {
  const architecture = { x64: "amd64", arm64: "arm64" }[process.arch as string] ?? process.arch;
  const rootfs = join(testdata, "busybox-rootfs");
  makeBusyboxRootfs(rootfs);
  // The suite's cases use applets that ours do without.
  const applets = (await commandOutput("/bin/busybox", ["--list"])).split("\n");
  for (const applet of applets) {
    try {
      symlinkSync("busybox", join(rootfs, "bin", applet));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    }
  }
  for (const folder of ["home", "mnt", "sbin", "usr/share", "var/tmp"]) {
    mkdirSync(join(rootfs, folder), { recursive: true });
  }
  // Its cases put links there, and a directory would take them in.
  for (const folder of ["proc", "sys"]) rmdirSync(join(rootfs, folder));
  const archive = join(testdata, `busybox-${architecture}.tar.xz`);
  await commandOutput("tar", ["--numeric-owner", "-C", rootfs, "-cf", archive, "."]);
  await makeSlimDebian(testdata, join(testdata, `debian-${architecture}.tar.xz`));
}

/** Many cases unpack it, so what no case looks at is left out. */
async function makeSlimDebian(scratch: string, archive: string): Promise<void> {
  const rootfs = join(scratch, "debian-rootfs");
  mkdirSync(rootfs);
  const needless = ["usr/share/*", "usr/lib/*/perl*", "usr/lib/*/gconv", "var/lib/*", "var/cache/*"];
  const exclude = needless.map((path) => `--exclude=./${path}`);
  const source = await debianRootfs();
  await commandOutput("tar", ["--numeric-owner", ...exclude, "-C", rootfs, "-xpf", source]);
  await commandOutput("tar", ["--numeric-owner", "-C", rootfs, "-cf", archive, "."]);
}
