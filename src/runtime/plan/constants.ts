/** Numbers of the kernel's interface, by the names of its headers; equal on x86-64 and arm64 unless noted. */

import { constants as fs } from "node:fs";

export const O_RDONLY = 0;
export const O_WRONLY = 1;
export const O_CREAT = 0o100;
export const O_EXCL = 0o200;
export const O_TRUNC = 0o1000;
/** O_DIRECTORY and O_NOFOLLOW differ between x86-64 and arm64. */
export const O_DIRECTORY = fs.O_DIRECTORY;
export const O_NOFOLLOW = fs.O_NOFOLLOW;
export const O_PATH = 0o10_000_000;

export const AT_SYMLINK_NOFOLLOW = 0x100;
export const AT_RECURSIVE = 0x8000;
export const OPEN_TREE_CLONE = 1;

export const MOUNT_ATTR_RDONLY = 0x1;
export const MOUNT_ATTR_NOSUID = 0x2;
export const MOUNT_ATTR_NODEV = 0x4;
export const MOUNT_ATTR_NOEXEC = 0x8;
export const MOUNT_ATTR__ATIME = 0x70;
export const MOUNT_ATTR_RELATIME = 0x0;
export const MOUNT_ATTR_NOATIME = 0x10;
export const MOUNT_ATTR_STRICTATIME = 0x20;
export const MOUNT_ATTR_NODIRATIME = 0x80;
export const MOUNT_ATTR_NOSYMFOLLOW = 0x20_0000;

export const MS_UNBINDABLE = 1 << 17;
export const MS_PRIVATE = 1 << 18;
export const MS_SLAVE = 1 << 19;
export const MS_SHARED = 1 << 20;

export const CLONE_NEWTIME = 0x80;
export const CLONE_NEWNS = 0x2_0000;
export const CLONE_NEWCGROUP = 0x200_0000;
export const CLONE_NEWUTS = 0x400_0000;
export const CLONE_NEWIPC = 0x800_0000;
export const CLONE_NEWUSER = 0x1000_0000;
export const CLONE_NEWPID = 0x2000_0000;
export const CLONE_NEWNET = 0x4000_0000;

export const S_IFIFO = 0o010_000;
export const S_IFCHR = 0o020_000;
export const S_IFBLK = 0o060_000;

/** What `verify` checks. */
export const VERIFY_CHARACTER_DEVICE = 1;
export const VERIFY_PROCFS = 2;
export const VERIFY_DIRECTORY = 3;
export const VERIFY_DEVPTS = 5;
export const VERIFY_BLOCK_DEVICE = 6;

export const EBUSY = 16;
export const ENOENT = 2;

/** personality(2): domains of the standard. */
export const PER_LINUX = 0;
export const PER_LINUX32 = 8;

export const SIGKILL = 9;
