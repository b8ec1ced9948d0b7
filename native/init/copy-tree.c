/*
 * Copying a directory of the root into a mount that will cover it (tmpcopyup). The directory is an image's: nothing
 * of it is trusted, its size least of all. Only descriptors are followed, and never into another mount.
 */
#include "files.h"
#include "inside.h"
#include "operations.h"

#define MAX_LEVELS 64
#define MAX_ENTRIES 65536
#define MAX_BYTES ((int64_t)1 << 30)
#define WANTED (STATX_BASIC_STATS)
#define SEEK_DATA 3
#define SEEK_HOLE 4

struct level {
	int from;
	int to;
	struct statx status;
};

struct copy {
	struct execution *x;
	/* The registers' own descriptors, which messages can name. */
	int source;
	int target;
	struct level levels[MAX_LEVELS];
	int depth;
	unsigned entries;
	int64_t bytes;
	char names[65536];
	char value[65536];
	_Alignas(8) char listing[8192];
};

static int failed(const struct copy *copy, long error, const char *call, const char *name)
{
	return fail(copy->x, error, "%s(%q) while copying %f to %f", call, name, copy->source, copy->target);
}

static struct __kernel_timespec time_of(struct statx_timestamp at)
{
	return (struct __kernel_timespec){ .tv_sec = at.tv_sec, .tv_nsec = at.tv_nsec };
}

static int copy_times(int dir, const char *name, const struct statx *status, int flags)
{
	struct __kernel_timespec times[2] = { time_of(status->stx_atime), time_of(status->stx_mtime) };
	return k_utimens(dir, name, times, flags);
}

/* What tmpfs of this kernel does not take (user.* before Linux 6.6) is left out: no copy could have it. */
static int copy_attributes(struct copy *copy, int from, int to)
{
	long length = k_list_attributes(from, copy->names, sizeof(copy->names));
	if (length == -EOPNOTSUPP)
		return 0;
	if (length < 0)
		return (int)length;
	for (long at = 0; at < length; at += (long)text_length(copy->names + at) + 1) {
		const char *name = copy->names + at;
		long size = k_get_attribute(from, name, copy->value, sizeof(copy->value));
		if (size == -ENODATA)
			continue;
		long error = size < 0 ? size : k_set_attribute(to, name, copy->value, (size_t)size);
		if (error < 0 && error != -EOPNOTSUPP)
			return (int)error;
	}
	return 0;
}

/* Data from one hole to the next: a sparse file of terabytes is no heavier here than in the image. */
static int copy_data(struct copy *copy, int from, int to, int64_t size)
{
	int error = k_truncate(to, size);
	if (error < 0)
		return error;
	for (int64_t at = 0; at < size;) {
		int64_t data = k_seek(from, at, SEEK_DATA);
		if (data == -ENXIO)
			return 0;
		int64_t hole = data < 0 ? data : k_seek(from, data, SEEK_HOLE);
		if (hole < 0)
			return (int)hole;
		if (k_seek(from, data, 0) < 0 || k_seek(to, data, 0) < 0)
			return -EIO;
		for (at = data; at < hole;) {
			long moved = k_sendfile(to, from, (size_t)(hole - at));
			if (moved < 0)
				return (int)moved;
			/* It has become shorter meanwhile. */
			if (moved == 0)
				return 0;
			at += moved;
			copy->bytes += moved;
			if (copy->bytes > MAX_BYTES)
				return -EFBIG;
		}
	}
	return 0;
}

/* Owner, attributes, mode, times: a change of owner drops set-id bits and file capabilities, a write the time. */
static int dress(struct copy *copy, int from, int to, const struct statx *status)
{
	int error = change_owner(to, status->stx_uid, status->stx_gid);
	if (error >= 0)
		error = copy_attributes(copy, from, to);
	if (error >= 0)
		error = k_fchmod(to, status->stx_mode & 07777);
	return error < 0 ? error : copy_times(to, NULL, status, 0);
}

/* Opens an entry for reading, as what it was found to be. */
static int open_entry(const struct copy *copy, const char *name, int flags, const struct statx *status)
{
	int fd = open_resolved(copy->levels[copy->depth - 1].from, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | flags, 0,
	                       RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV);
	if (fd < 0)
		return fd;
	struct statx opened;
	int error = k_statx(fd, "", AT_EMPTY_PATH, WANTED, &opened);
	if (error >= 0 && (opened.stx_ino != status->stx_ino || opened.stx_mode != status->stx_mode))
		error = -ESTALE;
	if (error >= 0)
		return fd;
	k_close(fd);
	return error;
}

static int copy_file(struct copy *copy, const char *name, const struct statx *status)
{
	CLOSING from = open_entry(copy, name, 0, status);
	if (from < 0)
		return failed(copy, from, "openat2", name);
	CLOSING to = k_openat(copy->levels[copy->depth - 1].to, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600);
	if (to < 0)
		return failed(copy, to, "openat", name);
	int error = copy_data(copy, from, to, (int64_t)status->stx_size);
	if (error == -EFBIG)
		return violate(copy->x, "tmpcopyup: more than %l bytes are in %f", MAX_BYTES, copy->source);
	if (error >= 0)
		error = dress(copy, from, to, status);
	return error < 0 ? failed(copy, error, "copy", name) : 0;
}

static int copy_symlink(struct copy *copy, const char *name, const struct statx *status)
{
	const struct level *level = &copy->levels[copy->depth - 1];
	char target[4096];
	long length = k_readlinkat(level->from, name, target, sizeof(target) - 1);
	if (length < 0)
		return failed(copy, length, "readlinkat", name);
	target[length] = '\0';
	int error = k_symlinkat(target, level->to, name);
	if (error >= 0)
		error = k_fchownat(level->to, name, status->stx_uid, status->stx_gid, AT_SYMLINK_NOFOLLOW);
	if (error >= 0)
		error = copy_times(level->to, name, status, AT_SYMLINK_NOFOLLOW);
	return error < 0 ? failed(copy, error, "symlinkat", name) : 0;
}

static int copy_node(struct copy *copy, const char *name, const struct statx *status)
{
	const struct level *level = &copy->levels[copy->depth - 1];
	int error = k_mknodat(level->to, name, status->stx_mode, device_number(status->stx_rdev_major, status->stx_rdev_minor));
	if (error >= 0)
		error = k_fchownat(level->to, name, status->stx_uid, status->stx_gid, AT_SYMLINK_NOFOLLOW);
	/* The umask is 0, but the change of owner may have dropped set-id bits. No path leads out: it has just been made. */
	if (error >= 0)
		error = k_fchmodat(level->to, name, status->stx_mode & 07777);
	if (error >= 0)
		error = copy_times(level->to, name, status, AT_SYMLINK_NOFOLLOW);
	return error < 0 ? failed(copy, error, "mknodat", name) : 0;
}

static int enter(struct copy *copy, const char *name, const struct statx *status)
{
	if (copy->depth == MAX_LEVELS)
		return violate(copy->x, "tmpcopyup: %f is deeper than %l levels", copy->source, (int64_t)MAX_LEVELS);
	const struct level *parent = &copy->levels[copy->depth - 1];
	CLOSING from = open_entry(copy, name, O_DIRECTORY, status);
	if (from < 0)
		return failed(copy, from, "openat2", name);
	int error = k_mkdirat(parent->to, name, 0700);
	if (error < 0)
		return failed(copy, error, "mkdirat", name);
	int to = k_openat(parent->to, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0);
	if (to < 0)
		return failed(copy, to, "openat", name);
	copy->levels[copy->depth++] = (struct level){ .from = from, .to = to, .status = *status };
	from = -1;
	return 0;
}

/* Copies one entry. Returns 1 when it is a directory that was entered. */
static int copy_entry(struct copy *copy, const char *name)
{
	if (++copy->entries > MAX_ENTRIES)
		return violate(copy->x, "tmpcopyup: more than %l files are in %f", (int64_t)MAX_ENTRIES, copy->source);
	struct statx status;
	int error = k_statx(copy->levels[copy->depth - 1].from, name, AT_SYMLINK_NOFOLLOW, WANTED, &status);
	if (error == -ENOENT)
		return 0;
	if (error < 0)
		return failed(copy, error, "statx", name);
	/* Somebody's data, which the new mount is going to cover too. */
	if (status.stx_attributes & STATX_ATTR_MOUNT_ROOT)
		return 0;
	if (S_ISDIR(status.stx_mode))
		return enter(copy, name, &status) < 0 ? -1 : 1;
	if (S_ISREG(status.stx_mode))
		return copy_file(copy, name, &status);
	if (S_ISLNK(status.stx_mode))
		return copy_symlink(copy, name, &status);
	return copy_node(copy, name, &status);
}

/* Copies the rest of the deepest directory's listing. Returns 1 when a directory was entered, 0 at the end. */
static int copy_listing(struct copy *copy)
{
	int from = copy->levels[copy->depth - 1].from;
	for (;;) {
		long length = k_entries(from, copy->listing, sizeof(copy->listing));
		if (length < 0)
			return failed(copy, length, "getdents64", ".");
		if (length == 0)
			return 0;
		for (long at = 0; at < length;) {
			const struct kernel_directory_entry *entry = (const void *)(copy->listing + at);
			at += entry->length;
			if (text_equal(entry->name, ".") || text_equal(entry->name, ".."))
				continue;
			int64_t next = entry->offset;
			int result = copy_entry(copy, entry->name);
			if (result < 0)
				return result;
			if (result == 0)
				continue;
			/* The listing goes on behind this entry once the directory is done. */
			long sought = k_seek(from, next, 0);
			return sought < 0 ? failed(copy, sought, "lseek", ".") : 1;
		}
	}
}

static int copy_all(struct copy *copy)
{
	while (copy->depth > 0) {
		int result = copy_listing(copy);
		if (result < 0)
			return result;
		if (result == 1)
			continue;
		struct level *level = &copy->levels[copy->depth - 1];
		int error = copy->depth == 1 ? 0 : dress(copy, level->from, level->to, &level->status);
		if (error < 0)
			return failed(copy, error, "copy", ".");
		k_close(level->from);
		k_close(level->to);
		copy->depth--;
	}
	return 0;
}

int op_copy_tree(struct execution *x)
{
	static struct copy copy;
	int from = in_field(x, COPY_TREE_FROM);
	int to = in_field(x, COPY_TREE_TO);
	copy.x = x;
	copy.source = from;
	copy.target = to;
	copy.entries = 0;
	copy.bytes = 0;
	copy.depth = 0;
	struct level *top = &copy.levels[0];
	int error = k_statx(from, "", AT_EMPTY_PATH, WANTED, &top->status);
	if (error < 0)
		return fail(x, error, "statx(%f)", from);
	if (int_field(x, COPY_TREE_OWNER)) {
		error = change_owner(to, top->status.stx_uid, top->status.stx_gid);
		if (error < 0)
			return fail(x, error, "fchownat(%f)", to);
	}
	top->from = k_openat(from, ".", O_RDONLY | O_DIRECTORY, 0);
	if (top->from < 0)
		return fail(x, top->from, "openat(%f, \".\")", from);
	top->to = k_openat(to, ".", O_RDONLY | O_DIRECTORY, 0);
	if (top->to < 0) {
		k_close(top->from);
		return fail(x, top->to, "openat(%f, \".\")", to);
	}
	copy.depth = 1;
	int result = copy_all(&copy);
	for (; copy.depth > 0; copy.depth--) {
		k_close(copy.levels[copy.depth - 1].from);
		k_close(copy.levels[copy.depth - 1].to);
	}
	return result;
}
