/**
 * What tests that cross rooms share: real registries, root file systems, bundles, terminals, and the proof that
 * nothing is left on the host. README.md beside this file shows each in use.
 */

export type { BundleConfig } from "./bundle.ts";
export { bundleConfig, makeBundle } from "./bundle.ts";
export { makeBusyboxImage, makeBusyboxRootfs } from "./busybox.ts";
export { chownTree } from "./chown-tree.ts";
export type { CommandOptions, CommandResult } from "./command.ts";
export { command, commandOutput } from "./command.ts";
export { listenForConsole } from "./console-socket.ts";
export type { DebianRootfsOptions } from "./debian-rootfs.ts";
export { debianRootfs, unpackDebianRootfs } from "./debian-rootfs.ts";
export { FileCommands } from "./file-command.ts";
export { goProgram, hasGo } from "./go-program.ts";
export type { HostSnapshot, HostSnapshotOptions } from "./host-snapshot.ts";
export { assertNothingLeft, snapshotHost } from "./host-snapshot.ts";
export type { SeenMount } from "./mount-source.ts";
export { ALL_FLAGS, MountSource, seenMounts } from "./mount-source.ts";
export { isOurs, runtime, runtimeOptions, runtimePrefix } from "./oci-runtime.ts";
export { corten, cortenOci, isInstalled, isRoot, repository } from "./programs.ts";
export type { Registry, RegistryOptions } from "./registry.ts";
export { startRegistry } from "./registry.ts";
export { temporaryDirectory } from "./temporary-directory.ts";
export type { Terminal, TerminalOptions } from "./terminal.ts";
export { openTerminal } from "./terminal.ts";
