/* Changing the root. */
#include "operations.h"

#include "../common/memory.h"
#include "root.h"

int op_privatize_parent(struct execution *x)
{
	const char *path = text_field(x, PRIVATIZE_PARENT_PATH);
	char prefix[4096];
	size_t length = text_length(path);
	if (path[0] != '/' || length >= sizeof(prefix))
		return fail(x, EINVAL, "mount(%q, MS_PRIVATE)", path);
	memcpy(prefix, path, length + 1);
	for (;;) {
		int error = k_mount(NULL, prefix, NULL, MS_PRIVATE);
		/* EINVAL: no mount point. What is not reachable now is not the parent either. */
		if (error < 0 && error != -EINVAL && error != -ENOENT && error != -EACCES)
			return fail(x, error, "mount(%q, MS_PRIVATE)", prefix);
		if (length <= 1)
			return 0;
		while (length > 1 && prefix[length - 1] != '/')
			length--;
		while (length > 1 && prefix[length - 1] == '/')
			length--;
		prefix[length] = '\0';
	}
}

int op_unmount(struct execution *x)
{
	int mount = in_field(x, UNMOUNT_MOUNT);
	char path[64];
	struct format out = format_start(path, sizeof(path));
	format_print(&out, "/proc/self/fd/%d", mount);
	int error = k_umount(path, MNT_DETACH);
	/* EINVAL: it is in no mount table. */
	return error < 0 && error != -EINVAL ? fail(x, error, "umount2(%f, MNT_DETACH)", mount) : 0;
}

int op_pivot_root(struct execution *x)
{
	int root = in_field(x, PIVOT_ROOT_ROOT);
	CLOSING old = k_openat(AT_FDCWD, "/", O_PATH | O_DIRECTORY, 0);
	if (old < 0)
		return fail(x, old, "openat(AT_FDCWD, \"/\")");
	int error = k_fchdir(root);
	if (error < 0)
		return fail(x, error, "fchdir(%f)", root);
	/* The old root comes to lie over the new one; no directory for it is needed in the image. */
	error = k_pivot_root(".", ".");
	if (error < 0)
		return fail(x, error, "pivot_root(%f)", root);
	error = k_fchdir(old);
	if (error < 0)
		return fail(x, error, "fchdir(%f)", old);
	/* Unmounting must not travel to the host; as a slave it still gets the host's own unmounts meanwhile. */
	error = k_mount("", ".", "", MS_SLAVE | MS_REC);
	if (error < 0)
		return fail(x, error, "mount(\"/\", MS_SLAVE|MS_REC)");
	error = k_umount(".", MNT_DETACH);
	if (error < 0)
		return fail(x, error, "umount2(\"/\", MNT_DETACH)");
	error = k_chdir("/");
	return error < 0 ? fail(x, error, "chdir(\"/\")") : 0;
}

static int enter_root(struct execution *x, int root)
{
	int error = k_fchdir(root);
	if (error < 0)
		return fail(x, error, "fchdir(%f)", root);
	error = k_chroot(".");
	if (error < 0)
		return fail(x, error, "chroot(%f)", root);
	error = k_chdir("/");
	return error < 0 ? fail(x, error, "chdir(\"/\")") : 0;
}

int op_move_root(struct execution *x)
{
	int root = in_field(x, MOVE_ROOT_ROOT);
	if (cover_host_filesystems(x, root) < 0)
		return -1;
	int error = k_move_mount(root, "", AT_FDCWD, "/", MOVE_MOUNT_F_EMPTY_PATH);
	if (error < 0)
		return fail(x, error, "move_mount(%f, \"\", AT_FDCWD, \"/\")", root);
	return enter_root(x, root);
}

int op_change_root(struct execution *x)
{
	return enter_root(x, in_field(x, CHANGE_ROOT_ROOT));
}
