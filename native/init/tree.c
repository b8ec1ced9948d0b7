/*
 * Removing a tree. Its names and shape are hostile: it may be deeper than any path or stack, hold links that point
 * anywhere, and change meanwhile. Only descriptors are followed, at most MAX_LEVELS of them; what lies deeper is
 * moved up to the top first.
 */
#include "files.h"
#include "inside.h"
#include "operations.h"

#include "../common/memory.h"

#include <linux/fs.h>

#define MAX_LEVELS 32
#define NAME_SIZE 256

struct level {
	int fd;
	char name[NAME_SIZE];
};

struct removal {
	struct level levels[MAX_LEVELS];
	int depth;
	/* Numbers the directories that were moved to the top. */
	unsigned moved;
	_Alignas(8) char entries[8192];
};

static const struct kernel_directory_entry *entry_at(const struct removal *removal, long offset)
{
	return (const struct kernel_directory_entry *)(const void *)(removal->entries + offset);
}

static bool is_dots(const char *name)
{
	return text_equal(name, ".") || text_equal(name, "..");
}

/* A mount inside the tree is somebody's data: it is never entered. */
static int open_subdirectory(int parent, const char *name)
{
	return open_resolved(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0,
	                     RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV);
}

static int enter(struct removal *removal, const char *name)
{
	struct level *parent = &removal->levels[removal->depth - 1];
	if (removal->depth == MAX_LEVELS) {
		char target[64];
		struct format out = format_start(target, sizeof(target));
		int error;
		do {
			out = format_start(target, sizeof(target));
			format_print(&out, ".corten-removed-%d", (int)removal->moved++);
			error = k_renameat(parent->fd, name, removal->levels[0].fd, target, RENAME_NOREPLACE);
		} while (error == -EEXIST);
		return error;
	}
	int fd = open_subdirectory(parent->fd, name);
	if (fd < 0)
		return fd;
	struct level *level = &removal->levels[removal->depth++];
	level->fd = fd;
	struct format out = format_start(level->name, sizeof(level->name));
	format_text(&out, name);
	return 0;
}

/* Removes one entry. Returns 1 when a directory was entered or moved and the listing has to start again. */
static int remove_entry(struct removal *removal, const struct kernel_directory_entry *entry)
{
	int dir = removal->levels[removal->depth - 1].fd;
	int error = -EISDIR;
	if (entry->type != ENTRY_DIRECTORY)
		error = k_unlinkat(dir, entry->name, 0);
	if (error == -EISDIR || (error == -EPERM && entry->type == ENTRY_UNKNOWN))
		error = k_unlinkat(dir, entry->name, AT_REMOVEDIR);
	if (error == 0 || error == -ENOENT)
		return 0;
	if (error != -ENOTEMPTY && error != -EEXIST)
		return error;
	error = enter(removal, entry->name);
	if (error == -ENOENT)
		return 0;
	return error < 0 ? error : 1;
}

/* Goes through the listing of the deepest level once. Returns 1 when something was entered, 0 at its end. */
static int sweep(struct removal *removal, bool *any)
{
	int fd = removal->levels[removal->depth - 1].fd;
	k_seek(fd, 0, 0);
	*any = false;
	for (;;) {
		long length = k_entries(fd, removal->entries, sizeof(removal->entries));
		if (length <= 0)
			return (int)length;
		for (long offset = 0; offset < length; offset += entry_at(removal, offset)->length) {
			const struct kernel_directory_entry *entry = entry_at(removal, offset);
			if (is_dots(entry->name))
				continue;
			*any = true;
			int result = remove_entry(removal, entry);
			if (result != 0)
				return result;
		}
	}
}

/* Empties the tree whose top is level 0. */
static int empty_tree(struct removal *removal)
{
	while (removal->depth > 0) {
		bool any;
		int result = sweep(removal, &any);
		if (result < 0)
			return result;
		/* Until a whole listing shows nothing: some file systems skip entries while others vanish. */
		if (result == 1 || any)
			continue;
		struct level *level = &removal->levels[--removal->depth];
		k_close(level->fd);
		if (removal->depth == 0)
			return 0;
		int error = k_unlinkat(removal->levels[removal->depth - 1].fd, level->name, AT_REMOVEDIR);
		if (error < 0 && error != -ENOENT && error != -ENOTEMPTY && error != -EEXIST)
			return error;
	}
	return 0;
}

int remove_tree_at(struct execution *x, int parent, const char *name, int dir, const char *path)
{
	struct statx status;
	int error = k_statx(parent, name, AT_SYMLINK_NOFOLLOW, STATX_TYPE, &status);
	if (error == -ENOENT)
		return 0;
	if (error < 0)
		return fail(x, error, "statx(%f, %q)", dir, path);
	if (status.stx_attributes & STATX_ATTR_MOUNT_ROOT)
		return violate(x, "%f %q is a mount point and is not removed", dir, path);
	if (!S_ISDIR(status.stx_mode)) {
		error = k_unlinkat(parent, name, 0);
		return error < 0 && error != -ENOENT ? fail(x, error, "unlinkat(%f, %q)", dir, path) : 0;
	}

	static struct removal removal;
	removal.depth = 1;
	removal.moved = 0;
	removal.levels[0].fd = k_openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0);
	if (removal.levels[0].fd < 0)
		return fail(x, removal.levels[0].fd, "openat(%f, %q, O_DIRECTORY|O_NOFOLLOW)", dir, path);
	error = empty_tree(&removal);
	while (removal.depth > 0)
		k_close(removal.levels[--removal.depth].fd);
	if (error == -EXDEV || error == -EBUSY)
		return violate(x, "something is mounted inside %f %q: it is not removed", dir, path);
	if (error < 0)
		return fail(x, error, "unlinkat(below %f, %q)", dir, path);
	error = k_unlinkat(parent, name, AT_REMOVEDIR);
	return error < 0 && error != -ENOENT ? fail(x, error, "unlinkat(%f, %q, AT_REMOVEDIR)", dir, path) : 0;
}

int op_remove_tree(struct execution *x)
{
	int dir = dir_field(x, REMOVE_TREE_DIR);
	const char *path = text_field(x, REMOVE_TREE_PATH);
	const char *name;
	bool owned;
	int parent = open_parent(dir, path, &name, &owned);
	if (parent == -ENOENT)
		return 0;
	if (parent < 0 && parent != AT_FDCWD)
		return fail(x, parent, "openat2(%f, parent of %q, RESOLVE_BENEATH)", dir, path);
	CLOSING held = owned ? parent : -1;
	return remove_tree_at(x, parent, name, dir, path);
}
