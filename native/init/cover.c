/* maskedPaths and readonlyPaths. */
#include "inside.h"
#include "operations.h"

/*
 * A clone of a mount. Before Linux 6.15 a mount that is itself detached cannot be cloned; it is then used as it
 * stands, and once it is attached its next clones succeed.
 */
static int clone_mount(int mount, bool *cloned)
{
	int clone = k_open_tree(mount, "", OPEN_TREE_CLONE | AT_EMPTY_PATH);
	*cloned = clone >= 0;
	return clone == -EINVAL ? mount : clone;
}

/* The path's file as O_PATH; -1 with `*absent` set when there is nothing to cover. */
static int open_covered(struct execution *x, int root, const char *path, bool *absent)
{
	int fd = open_inside(root, path, O_PATH);
	*absent = fd == -ENOENT || fd == -ENOTDIR;
	if (fd < 0 && !*absent)
		return fail(x, fd, "openat2(%f, %q, RESOLVE_IN_ROOT)", root, path);
	return fd;
}

/* CVE-2025-31133: the cover comes from a verified descriptor, never from a path in the container. */
int op_mask(struct execution *x)
{
	int root = in_field(x, MASK_ROOT);
	const char *path = text_field(x, MASK_PATH);
	bool absent;
	CLOSING target = open_covered(x, root, path, &absent);
	if (target < 0)
		return absent ? 0 : -1;
	struct statx status;
	int error = k_statx(target, "", AT_EMPTY_PATH, STATX_TYPE, &status);
	if (error < 0)
		return fail(x, error, "statx(%f %q)", root, path);
	int mount = in_field(x, S_ISDIR(status.stx_mode) ? MASK_DIRECTORY : MASK_FILE);
	bool cloned;
	int cover = clone_mount(mount, &cloned);
	if (cover < 0)
		return fail(x, cover, "open_tree(%f, \"\", OPEN_TREE_CLONE|AT_EMPTY_PATH)", mount);
	error = k_move_mount(cover, "", target, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH);
	if (cloned)
		k_close(cover);
	if (error < 0)
		return fail(x, error, "move_mount(%f, \"\", %f, %q)", mount, root, path);
	return 0;
}

int op_protect(struct execution *x)
{
	int root = in_field(x, PROTECT_ROOT);
	const char *path = text_field(x, PROTECT_PATH);
	bool absent;
	CLOSING target = open_covered(x, root, path, &absent);
	if (target < 0)
		return absent ? 0 : -1;
	CLOSING clone = k_open_tree(target, "", OPEN_TREE_CLONE | AT_EMPTY_PATH | AT_RECURSIVE);
	if (clone < 0)
		return fail(x, clone, "open_tree(%f, %q, OPEN_TREE_CLONE|AT_RECURSIVE)", root, path);
	/* CVE-2026-115521: read-only before it is attached, so that no path has to be resolved a second time. */
	struct mount_attr attributes = { .attr_set = MOUNT_ATTR_RDONLY };
	int error = k_mount_setattr(clone, AT_EMPTY_PATH | AT_RECURSIVE, &attributes);
	if (error < 0)
		return fail(x, error, "mount_setattr(%f %q, MOUNT_ATTR_RDONLY)", root, path);
	error = k_move_mount(clone, "", target, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH);
	if (error < 0)
		return fail(x, error, "move_mount(%f %q)", root, path);
	return 0;
}
