import { cpSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { makeBusyboxRootfs } from "../busybox.ts";
import { repository } from "../programs.ts";

/**
 * Fills `directory` with what tests in a virtual machine need: the built programs in dist/ and a busybox root in
 * bundle/rootfs, so that a bundle is one more config.json beside that folder.
 */
export function makeShare(directory: string): void {
  mkdirSync(directory, { recursive: true });
  cpSync(join(repository, "dist"), join(directory, "dist"), {
    recursive: true,
    verbatimSymlinks: true,
    filter: (source) => !/\/dist\/(?:native\/(?!corten-)|\.)/.test(source),
  });
  makeBusyboxRootfs(join(directory, "bundle/rootfs"));
}
