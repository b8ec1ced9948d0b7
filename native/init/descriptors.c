/* Operations on descriptors and paths. */
#include "../common/memory.h"
#include "inside.h"
#include "operations.h"
#include "unix-address.h"
#include "../common/process-stat.h"

int op_open(struct execution *x)
{
	int dir = dir_field(x, OPEN_DIR);
	const char *path = text_field(x, OPEN_PATH);
	int flags = (int)int_field(x, OPEN_FLAGS);
	int fd = k_openat(dir, path, flags, unsigned_field(x, OPEN_MODE));
	if (fd < 0)
		return fail(x, fd, "openat(%f, %q, %o)", dir, path, (unsigned)flags);
	return out_field(x, OPEN_OUT, fd);
}

/*
 * CVE-2019-19921, CVE-2023-27561, CVE-2023-28642, CVE-2025-54867: /proc or /sys of the image are symlinks, so that
 * what is mounted there lands elsewhere. `directory` refuses a link in the last component.
 */
static int require_directory(struct execution *x, int root, const char *path)
{
	int fd = open_inside(root, path, O_PATH | O_DIRECTORY | O_NOFOLLOW);
	if (fd == -ENOTDIR || fd == -ELOOP)
		return violate(x, "%f %q: the file system must be mounted on ordinary directory, not on a symlink", root, path);
	if (fd < 0)
		return fail(x, fd, "openat2(%f, %q, RESOLVE_IN_ROOT|O_DIRECTORY|O_NOFOLLOW)", root, path);
	return fd;
}

/* CVE-2019-16884: what covers a part of /proc gets what was meant for the kernel. */
static int refuse_procfs(struct execution *x, int fd, const char *path)
{
	struct statfs filesystem;
	int error = k_fstatfs(fd, &filesystem);
	if (error < 0)
		return fail(x, error, "fstatfs(%q)", path);
	return filesystem.f_type == PROC_MAGIC ? violate(x, "%q leads into a procfs", path) : 0;
}

enum kept { KEPT_DIRECTORY = 1, KEPT_LINK = 2, KEPT_OUTSIDE_PROC = 4 };

int op_resolve(struct execution *x)
{
	int root = in_field(x, RESOLVE_ROOT);
	const char *path = text_field(x, RESOLVE_PATH);
	enum create create = (enum create)int_field(x, RESOLVE_CREATE);
	int64_t kept = int_field(x, RESOLVE_DIRECTORY);
	CLOSING fd = -1;
	/* A link, even a dangling one, is seen before anything is made through it. */
	if (kept & (KEPT_DIRECTORY | KEPT_LINK))
		fd = open_inside(root, path, O_PATH | O_NOFOLLOW);
	if (fd < 0)
		fd = create_inside(root, path, create, unsigned_field(x, RESOLVE_MODE));
	if (fd < 0)
		return fail(x, fd, "openat2(%f, %q, RESOLVE_IN_ROOT)", root, path);
	if (kept & KEPT_DIRECTORY) {
		k_close(fd);
		fd = require_directory(x, root, path);
		if (fd < 0)
			return fd;
	}
	if (kept & KEPT_OUTSIDE_PROC && refuse_procfs(x, fd, path) < 0)
		return -1;
	int found = fd;
	fd = -1;
	return out_field(x, RESOLVE_OUT, found);
}

int op_close(struct execution *x)
{
	clear_register(x, unsigned_field(x, CLOSE_FD));
	return 0;
}

enum kind {
	KIND_DEVICE = 1,
	KIND_PROC = 2,
	KIND_DIRECTORY = 3,
	KIND_CGROUP2 = 4,
	KIND_DEVPTS = 5,
	KIND_BLOCK_DEVICE = 6,
};

static int verify_filesystem(struct execution *x, int fd, long magic, const char *what)
{
	struct statfs filesystem;
	int error = k_fstatfs(fd, &filesystem);
	if (error < 0)
		return fail(x, error, "fstatfs(%f)", fd);
	if (filesystem.f_type != magic)
		return violate(x, "%f is not on %s", fd, what);
	return 0;
}

int op_verify(struct execution *x)
{
	int fd = in_field(x, VERIFY_FD);
	unsigned major = unsigned_field(x, VERIFY_MAJOR);
	unsigned minor = unsigned_field(x, VERIFY_MINOR);
	struct statx status;
	int error = k_statx(fd, "", AT_EMPTY_PATH, STATX_TYPE | STATX_INO, &status);
	if (error < 0)
		return fail(x, error, "statx(%f)", fd);
	switch (int_field(x, VERIFY_KIND)) {
	case KIND_DEVICE:
		/* CVE-2025-31133: what stands at /dev/null may be anything. */
		if (!S_ISCHR(status.stx_mode) || status.stx_rdev_major != major || status.stx_rdev_minor != minor)
			return violate(x, "%f is not the character device %d:%d", fd, (int)major, (int)minor);
		return 0;
	case KIND_BLOCK_DEVICE:
		if (!S_ISBLK(status.stx_mode) || status.stx_rdev_major != major || status.stx_rdev_minor != minor)
			return violate(x, "%f is not the block device %d:%d", fd, (int)major, (int)minor);
		return 0;
	case KIND_PROC:
		/* CVE-2019-16884, CVE-2025-52881: a /proc that is no procfs, or a directory of one, swallows writes. */
		if (verify_filesystem(x, fd, PROC_MAGIC, "procfs") < 0)
			return -1;
		return status.stx_ino == 1 ? 0 : violate(x, "%f is not the root of a procfs", fd);
	case KIND_DIRECTORY:
		return S_ISDIR(status.stx_mode) ? 0 : violate(x, "%f is not a directory", fd);
	case KIND_CGROUP2:
		return verify_filesystem(x, fd, CGROUP2_MAGIC, "cgroup2");
	case KIND_DEVPTS:
		return verify_filesystem(x, fd, DEVPTS_MAGIC, "devpts");
	default:
		return fail(x, EINVAL, "verify(%f, kind %l)", fd, int_field(x, VERIFY_KIND));
	}
}

int op_connect(struct execution *x)
{
	const char *path = text_field(x, CONNECT_PATH);
	CLOSING dir = -1;
	struct kernel_unix_address address = { 0 };
	int length = unix_address(&address, path, &dir);
	if (length < 0)
		return fail(x, length, "connect(%q)", path);
	CLOSING fd = k_socket(FAMILY_UNIX, int_field(x, CONNECT_SEQPACKET) ? TYPE_SEQPACKET : TYPE_STREAM);
	if (fd < 0)
		return fail(x, fd, "socket(AF_UNIX)");
	int error = k_connect(fd, &address, length);
	if (error < 0)
		return fail(x, error, "connect(%f, %q)", fd, path);
	int result = fd;
	fd = -1;
	return out_field(x, CONNECT_OUT, result);
}

/*
 * Without pidfd_open, which older seccomp profiles hide, the process's directory stands for it: it stays that process's
 * when the number is used again, and pidfd_send_signal takes it. op_join knows it, too.
 */
static int open_process(int pid)
{
	int fd = k_pidfd_open(pid);
	if (fd != -ENOSYS)
		return fd;
	char path[32];
	struct format out = format_start(path, sizeof(path));
	format_print(&out, "/proc/%d", pid);
	fd = k_openat(AT_FDCWD, path, O_RDONLY | O_DIRECTORY, 0);
	return fd == -ENOENT ? -ESRCH : fd;
}

int op_open_process(struct execution *x)
{
	int64_t pid = int_field(x, OPEN_PROCESS_PID);
	uint64_t expected = raw_field(x, OPEN_PROCESS_START_TIME);
	CLOSING fd = pid > 0 && pid <= INT32_MAX ? open_process((int)pid) : -ESRCH;
	if (fd < 0)
		return fail(x, fd, "pidfd_open(%l)", pid);
	if (expected != 0) {
		/* The pidfd came first: a number that was used again since has another start time. */
		uint64_t start_time;
		int error = process_start_time((int)pid, &start_time);
		if (error < 0 && error != -ENOENT)
			return fail(x, error, "openat(AT_FDCWD, \"/proc/%l/stat\")", pid);
		if (error < 0 || start_time != expected)
			return fail(x, ESRCH, "pidfd_open(%l), started at %l", pid, (int64_t)expected);
	}
	int result = fd;
	fd = -1;
	return out_field(x, OPEN_PROCESS_OUT, result);
}
