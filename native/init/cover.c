/* maskedPaths and readonlyPaths. */
#include "inside.h"
#include "operations.h"

/* The path's file as O_PATH; -1 with `*absent` set when there is nothing to cover. */
static int open_covered(struct execution *x, int root, const char *path, bool *absent)
{
	int fd = open_inside(root, path, O_PATH);
	*absent = fd == -ENOENT || fd == -ENOTDIR;
	if (fd < 0 && !*absent)
		return fail(x, fd, "openat2(%f, %q, RESOLVE_IN_ROOT)", root, path);
	return fd;
}

static int attach(struct execution *x, int cover, int target)
{
	int error = k_move_mount(cover, "", target, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH);
	if (error < 0)
		return fail(x, error, "move_mount(%f, \"\", %f, %q)", cover, in_field(x, MASK_ROOT), text_field(x, MASK_PATH));
	return 0;
}

static int cover_with_clone(struct execution *x, int target, int mount)
{
	CLOSING clone = k_open_tree(mount, "", OPEN_TREE_CLONE | AT_EMPTY_PATH);
	if (clone < 0)
		return fail(x, clone, "open_tree(%f, \"\", OPEN_TREE_CLONE|AT_EMPTY_PATH)", mount);
	return attach(x, clone, target);
}

/*
 * The first directory is covered by the empty mount itself, others by its clones: a mount that is detached cannot
 * be cloned before Linux 6.15, and one that is still detached when it is closed costs milliseconds of waiting.
 */
static int cover_directory(struct execution *x, int target)
{
	int mount = in_field(x, MASK_DIRECTORY);
	if (x->attached_cover == mount)
		return cover_with_clone(x, target, mount);
	if (attach(x, mount, target) < 0)
		return -1;
	x->attached_cover = mount;
	return 0;
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
	return S_ISDIR(status.stx_mode) ? cover_directory(x, target) : cover_with_clone(x, target, in_field(x, MASK_FILE));
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
