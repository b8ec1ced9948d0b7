import { copyFileSync, linkSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { commandOutput } from "./command.ts";
import { temporaryDirectory } from "./temporary-directory.ts";

const applets =
  "sh ash true false echo cat ls sleep id env pwd stat mount umount mkdir rm ps kill hostname touch chmod chown dd grep head tail wc seq sync test [ printf sed awk cut tr stty tty date uname ln readlink od df free nc wget top pidof nproc time yes".split(
    " ",
  );

/**
 * Makes a root file system of Debian's static busybox in `directory` (created): about 2 MB, applets as hard
 * links so that masking one of them masks nothing else.
 */
export function makeBusyboxRootfs(directory: string): void {
  for (const folder of ["bin", "dev", "etc", "proc", "root", "run", "sys", "tmp", "usr", "var"]) {
    mkdirSync(join(directory, folder), { recursive: true });
  }
  const busybox = join(directory, "bin/busybox");
  copyFileSync("/bin/busybox", busybox);
  for (const applet of applets) linkSync(busybox, join(directory, "bin", applet));
  symlinkSync("../bin", join(directory, "usr/bin"));
  writeFileSync(
    join(directory, "etc/passwd"),
    "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534::/:/bin/false\n",
  );
  writeFileSync(join(directory, "etc/group"), "root:x:0:\nnogroup:x:65534:\n");
}

/**
 * Writes a busybox image as a docker-archive, which docker, podman, skopeo, ctr and Corten all load.
 *
 * @param archive path of the tar file to write
 * @param name the image's name and tag, e.g. `corten-test/busybox:1`
 */
export async function makeBusyboxImage(archive: string, name: string): Promise<void> {
  using scratch = temporaryDirectory("busybox");
  const rootfs = join(scratch.path, "rootfs");
  makeBusyboxRootfs(rootfs);
  const layer = join(scratch.path, "layer.tar");
  await commandOutput("tar", [
    "--numeric-owner",
    "--sort=name",
    "--mtime=@1700000000",
    "-C",
    rootfs,
    "-cf",
    layer,
    ".",
  ]);
  const diffID = (await commandOutput("sha256sum", [layer])).split(" ")[0];
  const architecture = { x64: "amd64", arm64: "arm64" }[process.arch as string] ?? process.arch;
  const config = JSON.stringify({
    architecture,
    os: "linux",
    created: "2023-11-14T22:13:20Z",
    config: { Env: ["PATH=/bin"], Cmd: ["/bin/sh"] },
    rootfs: { type: "layers", diff_ids: [`sha256:${diffID}`] },
    history: [{ created: "2023-11-14T22:13:20Z", created_by: "busybox-static" }],
  });
  writeFileSync(join(scratch.path, "config.json"), config);
  writeFileSync(
    join(scratch.path, "manifest.json"),
    JSON.stringify([{ Config: "config.json", RepoTags: [name], Layers: ["layer.tar"] }]),
  );
  await commandOutput("tar", [
    "-C",
    scratch.path,
    "-cf",
    archive,
    "manifest.json",
    "config.json",
    "layer.tar",
  ]);
}
