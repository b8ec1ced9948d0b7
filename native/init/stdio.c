/* The standard descriptors of the container's program. */
#include "inside.h"
#include "operations.h"

#define NULL_MAJOR 1
#define NULL_MINOR 3
#define PTMX_MAJOR 5
#define PTMX_MINOR 2

static bool is_device(const struct statx *status, unsigned major, unsigned minor)
{
	return S_ISCHR(status->stx_mode) && status->stx_rdev_major == major && status->stx_rdev_minor == minor;
}

static bool describes_null(int fd)
{
	struct statx status;
	return k_statx(fd, "", AT_EMPTY_PATH, STATX_TYPE, &status) == 0 && is_device(&status, NULL_MAJOR, NULL_MINOR);
}

/* CVE-2026-88265: what the container has at /dev/null may be a link to, or a mount of, a file of the host's. */
int op_refresh_null(struct execution *x)
{
	int root = in_field(x, REFRESH_NULL_ROOT);
	CLOSING path = open_inside(root, "dev/null", O_PATH);
	/* A root without it keeps the host's. */
	if (path == -ENOENT || path == -ENOTDIR)
		return 0;
	if (path < 0)
		return fail(x, path, "openat2(%f, \"dev/null\", RESOLVE_IN_ROOT)", root);
	if (!describes_null(path))
		return violate(x, "%f \"dev/null\" is not the character device 1:3", root);
	CLOSING null = open_inside(root, "dev/null", O_RDWR | O_NONBLOCK | O_NOCTTY);
	if (null < 0)
		return fail(x, null, "openat2(%f, \"dev/null\", O_RDWR)", root);
	/* It was looked at before it was opened, which may have effects, and after, because it may have changed. */
	if (!describes_null(null))
		return violate(x, "%f \"dev/null\" is not the character device 1:3", root);
	k_fcntl(null, F_SETFL, 0);
	for (int fd = 0; fd < 3; fd++) {
		if (!describes_null(fd))
			continue;
		int error = k_dup3(null, fd, 0);
		if (error < 0)
			return fail(x, error, "dup3(%f, %d)", null, fd);
	}
	return 0;
}

int op_own_stdio(struct execution *x)
{
	int64_t uid = int_field(x, OWN_STDIO_UID);
	for (int fd = 0; fd < 3; fd++) {
		struct statx status;
		int error = k_statx(fd, "", AT_EMPTY_PATH, STATX_TYPE | STATX_UID, &status);
		if (error < 0)
			return fail(x, error, "statx(%d)", fd);
		if (status.stx_uid == (uint64_t)uid || is_device(&status, NULL_MAJOR, NULL_MINOR) ||
		    is_device(&status, PTMX_MAJOR, PTMX_MINOR))
			continue;
		error = k_fchownat(fd, "", (unsigned)uid, ~0U, AT_EMPTY_PATH);
		/* A user namespace without that owner, a socket, a read-only file system: the program can still use it. */
		if (error < 0 && error != -EINVAL && error != -EPERM && error != -EROFS)
			return fail(x, error, "fchown(%d, %l)", fd, uid);
	}
	return 0;
}

int op_set_stdio(struct execution *x)
{
	const unsigned fields[3] = { SET_STDIO_STDIN, SET_STDIO_STDOUT, SET_STDIO_STDERR };
	for (int fd = 0; fd < 3; fd++) {
		int from = in_field(x, fields[fd]);
		if (from < 0)
			continue;
		int error = k_dup3(from, fd, 0);
		if (error < 0)
			return fail(x, error, "dup3(%f, %d)", from, fd);
	}
	return 0;
}

/*
 * CVE-2024-21626: a working directory such as /proc/self/fd/7 would lead through a descriptor to the host. No such
 * link is followed, and the kernel's own word for where we are is checked as well.
 */
int op_change_directory(struct execution *x)
{
	const char *path = text_field(x, CHANGE_DIRECTORY_PATH);
	CLOSING root = k_openat(AT_FDCWD, "/", O_PATH | O_DIRECTORY, 0);
	if (root < 0)
		return fail(x, root, "openat(AT_FDCWD, \"/\")");
	enum create create = int_field(x, CHANGE_DIRECTORY_CREATE) ? CREATE_DIRECTORY : CREATE_NOTHING;
	CLOSING dir = create_inside(root, path, create, 0755);
	if (dir == -ELOOP)
		return violate(x, "chdir(%q): the path leads through a link that is not followed", path);
	if (dir < 0)
		return fail(x, dir, "chdir(%q)", path);
	int error = k_fchdir(dir);
	if (error < 0)
		return fail(x, error, "chdir(%q)", path);
	char where[4096];
	long length = k_getcwd(where, sizeof(where));
	if (length < 0)
		return fail(x, length, "getcwd(), in %q", path);
	if (where[0] != '/')
		return violate(x, "chdir(%q): it is outside of the container's root", path);
	return 0;
}
