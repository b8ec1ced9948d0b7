/* Calls about mounts. */
#ifndef CORTEN_KERNEL_MOUNTS_H
#define CORTEN_KERNEL_MOUNTS_H

#include "call.h"

#include <linux/mount.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Of umount2; the kernel keeps them out of its public headers. */
#define MNT_DETACH 2
#define UMOUNT_NOFOLLOW 8

/* ── mounts ── */
static inline int k_open_tree(int dir, const char *path, unsigned flags)
{
	return (int)call3(__NR_open_tree, dir, path, flags | OPEN_TREE_CLOEXEC);
}

static inline int k_move_mount(int from, const char *from_path, int to, const char *to_path, unsigned flags)
{
	return (int)call5(__NR_move_mount, from, from_path, to, to_path, flags);
}

static inline int k_mount_setattr(int dir, unsigned flags, struct mount_attr *attributes)
{
	return (int)call5(__NR_mount_setattr, dir, "", flags, attributes, sizeof(*attributes));
}

static inline int k_fsopen(const char *type)
{
	return (int)call2(__NR_fsopen, type, FSOPEN_CLOEXEC);
}

static inline int k_fspick(int dir)
{
	return (int)call3(__NR_fspick, dir, "", FSPICK_CLOEXEC | FSPICK_EMPTY_PATH);
}

static inline int k_fsconfig(int fs, unsigned command, const char *key, const void *value, int aux)
{
	return (int)RETRIED(call5(__NR_fsconfig, fs, command, key, value, aux));
}

static inline int k_fsmount(int fs, unsigned attributes)
{
	return (int)call3(__NR_fsmount, fs, FSMOUNT_CLOEXEC, attributes);
}

static inline int k_mount(const char *source, const char *target, const char *type, unsigned long flags)
{
	return (int)call5(__NR_mount, source, target, type, flags, NULL);
}

static inline int k_umount(const char *target, int flags)
{
	return (int)call2(__NR_umount2, target, flags);
}

static inline int k_pivot_root(const char *root, const char *old)
{
	return (int)call2(__NR_pivot_root, root, old);
}

#endif
