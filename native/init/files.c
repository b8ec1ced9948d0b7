/* Making, writing and removing single files. */
#include "files.h"

#include "../common/memory.h"
#include "inside.h"
#include "operations.h"

/* The descriptor of the parent of a field's path, with the failure filled. */
static int parent_of(struct execution *x, int dir, const char *path, const char **name, bool *owned)
{
	int parent = open_parent(dir, path, name, owned);
	if (parent < 0 && parent != AT_FDCWD)
		return fail(x, parent, "openat2(%f, parent of %q, RESOLVE_BENEATH)", dir, path);
	return parent;
}

/* The bytes of a knob as they stand in a message. */
static void shown_data(char shown[64], const char *data, size_t length)
{
	struct format out = format_start(shown, 64);
	format_bytes(&out, data, length < 48 ? length : 48);
	if (length > 48)
		format_text(&out, "...");
}

int op_write_descriptor(struct execution *x)
{
	int fd = in_field(x, WRITE_DESCRIPTOR_FD);
	size_t length = data_length(x, WRITE_DESCRIPTOR_DATA);
	char shown[64];
	shown_data(shown, text_field(x, WRITE_DESCRIPTOR_DATA), length);
	long written = k_write(fd, text_field(x, WRITE_DESCRIPTOR_DATA), length);
	if (written < 0)
		return fail(x, written, "write(%f, %q)", fd, shown);
	return (size_t)written == length ? 0 : fail(x, EIO, "write(%f, %q) took %l bytes", fd, shown, (int64_t)written);
}

static void release(int parent, bool owned)
{
	if (owned)
		k_close(parent);
}

int op_make_directory(struct execution *x)
{
	int dir = dir_field(x, MAKE_DIRECTORY_DIR);
	const char *path = text_field(x, MAKE_DIRECTORY_PATH);
	unsigned mode = unsigned_field(x, MAKE_DIRECTORY_MODE);
	const char *name;
	bool owned;
	int parent = parent_of(x, dir, path, &name, &owned);
	if (parent == -1)
		return -1;
	int error = k_mkdirat(parent, name, mode);
	if (error == -EEXIST) {
		struct statx status;
		int follow = dir == AT_FDCWD ? 0 : AT_SYMLINK_NOFOLLOW;
		int found = k_statx(parent, name, follow, STATX_TYPE, &status);
		if (found >= 0 && S_ISDIR(status.stx_mode))
			error = 0;
	}
	release(parent, owned);
	if (error < 0)
		return fail(x, error, "mkdirat(%f, %q, %o)", dir, path, mode);
	return 0;
}

int write_file(struct execution *x, int fd, int dir, const char *path, const char *data, size_t length, int ignore)
{
	char shown[64];
	shown_data(shown, data, length);
	if (fd < 0)
		return -fd == ignore ? 0 : fail(x, fd, "openat(%f, %q)", dir, path);
	long written = k_write(fd, data, length);
	k_close(fd);
	if (written < 0)
		return -written == ignore ? 0 : fail(x, written, "write(%f, %q, %q)", dir, path, shown);
	if ((size_t)written != length)
		return fail(x, EIO, "write(%f, %q, %q) took %l bytes", dir, path, shown, (int64_t)written);
	return 0;
}

int op_write(struct execution *x)
{
	int dir = dir_field(x, WRITE_DIR);
	const char *path = text_field(x, WRITE_PATH);
	int flags = (int)int_field(x, WRITE_FLAGS);
	/* CVE-2025-52881: below a given directory nothing leads out of it, nor onto what is mounted over it. */
	int fd = dir == AT_FDCWD ? k_openat(dir, path, flags, 0644)
	                         : open_resolved(dir, path, flags, flags & O_CREAT ? 0644 : 0,
	                                         RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV);
	return write_file(x, fd, dir, path, text_field(x, WRITE_DATA), data_length(x, WRITE_DATA),
	                  (int)int_field(x, WRITE_IGNORE));
}

int change_mode(int fd, unsigned mode)
{
	int error = k_fchmod(fd, mode);
	if (error != -EBADF)
		return error;
	/* An O_PATH descriptor: fchmodat2 (Linux 6.6) takes it, before that only its name in procfs. */
	error = k_fchmodat2(fd, "", mode, AT_EMPTY_PATH);
	if (error != -ENOSYS)
		return error;
	char path[32];
	struct format out = format_start(path, sizeof(path));
	format_print(&out, "/proc/self/fd/%d", fd);
	return k_fchmodat(AT_FDCWD, path, mode);
}

/* A new id, or one that is left alone (-1). */
int change_owner(int fd, int64_t uid, int64_t gid)
{
	if (uid == -1 && gid == -1)
		return 0;
	return k_fchownat(fd, "", (unsigned)uid, (unsigned)gid, AT_EMPTY_PATH);
}

int op_set_owner(struct execution *x)
{
	int fd = in_field(x, SET_OWNER_FD);
	int64_t uid = int_field(x, SET_OWNER_UID);
	int64_t gid = int_field(x, SET_OWNER_GID);
	int64_t mode = int_field(x, SET_OWNER_MODE);
	int error = change_owner(fd, uid, gid);
	if (error < 0)
		return fail(x, error, "fchownat(%f, %l, %l)", fd, uid, gid);
	/* After the owner, whose change may drop set-id bits. */
	error = mode == -1 ? 0 : change_mode(fd, (unsigned)mode);
	if (error < 0)
		return fail(x, error, "fchmod(%f, %o)", fd, (unsigned)mode);
	return 0;
}

int op_copy_mode(struct execution *x)
{
	int from = in_field(x, COPY_MODE_FROM);
	int to = in_field(x, COPY_MODE_TO);
	struct statx status;
	int error = k_statx(from, "", AT_EMPTY_PATH, STATX_MODE, &status);
	if (error < 0)
		return fail(x, error, "statx(%f)", from);
	error = change_mode(to, status.stx_mode & 07777);
	return error < 0 ? fail(x, error, "fchmod(%f, %o)", to, (unsigned)status.stx_mode & 07777) : 0;
}

int op_make_symlink(struct execution *x)
{
	int dir = in_field(x, MAKE_SYMLINK_DIR);
	const char *path = text_field(x, MAKE_SYMLINK_PATH);
	const char *target = text_field(x, MAKE_SYMLINK_TARGET);
	const char *name;
	bool owned;
	int parent = parent_of(x, dir, path, &name, &owned);
	if (parent < 0)
		return -1;
	int error = k_symlinkat(target, parent, name);
	if (error == -EEXIST) {
		char present[4096];
		long length = k_readlinkat(parent, name, present, sizeof(present) - 1);
		present[length > 0 ? length : 0] = '\0';
		if (length > 0 && text_equal(present, target)) {
			error = 0;
		} else if (!int_field(x, MAKE_SYMLINK_REPLACE)) {
			error = 0;
		} else {
			if (k_unlinkat(parent, name, 0) == -EISDIR)
				k_unlinkat(parent, name, AT_REMOVEDIR);
			error = k_symlinkat(target, parent, name);
		}
	}
	release(parent, owned);
	if (error < 0)
		return fail(x, error, "symlinkat(%q, %f, %q)", target, dir, path);
	return 0;
}

int op_make_fifo(struct execution *x)
{
	int dir = dir_field(x, MAKE_FIFO_DIR);
	const char *path = text_field(x, MAKE_FIFO_PATH);
	unsigned mode = unsigned_field(x, MAKE_FIFO_MODE);
	int64_t uid = int_field(x, MAKE_FIFO_UID);
	int64_t gid = int_field(x, MAKE_FIFO_GID);
	const char *name;
	bool owned;
	int parent = parent_of(x, dir, path, &name, &owned);
	if (parent < 0 && parent != AT_FDCWD)
		return -1;
	int error = k_mknodat(parent, name, S_IFIFO | (mode & 07777), 0);
	if (error < 0) {
		fail(x, error, "mkfifoat(%f, %q, %o)", dir, path, mode);
	} else if (uid != -1 || gid != -1) {
		error = k_fchownat(parent, name, (unsigned)uid, (unsigned)gid, AT_SYMLINK_NOFOLLOW);
		if (error < 0)
			fail(x, error, "fchownat(%f, %q, %l, %l)", dir, path, uid, gid);
	}
	release(parent, owned);
	return error < 0 ? -1 : 0;
}

int op_remove(struct execution *x)
{
	int dir = dir_field(x, REMOVE_DIR);
	const char *path = text_field(x, REMOVE_PATH);
	const char *name;
	bool owned;
	int parent = open_parent(dir, path, &name, &owned);
	if (parent == -ENOENT)
		return 0;
	if (parent < 0 && parent != AT_FDCWD)
		return fail(x, parent, "openat2(%f, parent of %q, RESOLVE_BENEATH)", dir, path);
	int error = k_unlinkat(parent, name, 0);
	if (error == -EISDIR)
		error = k_unlinkat(parent, name, AT_REMOVEDIR);
	release(parent, owned);
	if (error < 0 && error != -ENOENT)
		return fail(x, error, "unlinkat(%f, %q)", dir, path);
	return 0;
}
