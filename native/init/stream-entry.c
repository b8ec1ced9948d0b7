/*
 * Writing an entry below the root. The directory that holds it is resolved inside the root, links in the path
 * included; the entry itself is never followed.
 */
#include "../common/memory.h"
#include "files.h"
#include "inside.h"
#include "stream.h"

/* Where an entry is to be: a directory of the root, and a name in it. An empty name is the root itself. */
struct place {
	int parent;
	const char *name;
};

/* Splits `path` and opens, or makes, what holds its last component. `copy` keeps the parts. */
static int find_place(struct stream *stream, const char *path, char copy[STREAM_MAX_PATH + 1], bool make,
                      struct place *out)
{
	size_t length = text_length(path);
	memcpy(copy, path, length + 1);
	while (length > 0 && (copy[length - 1] == '/' || (copy[length - 1] == '.' && (length == 1 || copy[length - 2] == '/'))))
		copy[--length] = '\0';
	size_t start = length;
	while (start > 0 && copy[start - 1] != '/')
		start--;
	out->name = copy + start;
	if (start > 0)
		copy[start - 1] = '\0';
	const char *parent = start > 1 ? copy : "";
	out->parent = create_inside(stream->root, parent, make ? CREATE_DIRECTORY : CREATE_NOTHING, 0755);
	if (out->parent < 0)
		return stream_fail(stream, out->parent, "openat2, parent of ");
	struct statx status;
	int error = k_statx(out->parent, "", AT_EMPTY_PATH, STATX_TYPE, &status);
	if (error >= 0 && !S_ISDIR(status.stx_mode))
		error = -ENOTDIR;
	if (error >= 0)
		return 0;
	k_close(out->parent);
	return stream_fail(stream, error, "openat2, parent of ");
}

static int set_time(struct stream *stream, const struct place *place)
{
	const struct __kernel_timespec time = { .tv_sec = stream->entry.seconds, .tv_nsec = stream->entry.nanoseconds };
	const struct __kernel_timespec times[2] = { time, time };
	int flags = AT_SYMLINK_NOFOLLOW;
	const char *name = place->name;
	if (!*name) {
		name = "";
		flags |= AT_EMPTY_PATH;
	}
	int error = k_utimens(place->parent, name, times, flags);
	return error < 0 ? stream_fail(stream, error, "utimensat") : 0;
}

/* Owner before mode, which a change of owner would take set-id bits from; the time last. */
static int set_status(struct stream *stream, const struct place *place, bool is_link)
{
	const struct stream_entry *entry = &stream->entry;
	CLOSING fd = *place->name ? k_openat(place->parent, place->name, O_PATH | O_NOFOLLOW, 0)
	                          : open_inside(place->parent, "", O_PATH | O_DIRECTORY);
	if (fd < 0)
		return stream_fail(stream, fd, "openat");
	if (entry->flags & STREAM_SETS_OWNER) {
		int error = change_owner(fd, entry->uid, entry->gid);
		if (error < 0)
			return stream_fail(stream, error, "fchownat");
	}
	if ((entry->flags & STREAM_SETS_MODE) && !is_link) {
		int error = change_mode(fd, entry->mode);
		if (error < 0)
			return stream_fail(stream, error, "fchmodat");
	}
	return entry->flags & STREAM_SETS_TIME ? set_time(stream, place) : 0;
}

static int type_of(const struct place *place)
{
	struct statx status;
	int error = k_statx(place->parent, place->name, AT_SYMLINK_NOFOLLOW | (*place->name ? 0 : AT_EMPTY_PATH), STATX_TYPE,
	                    &status);
	return error < 0 ? error : status.stx_mode & S_IFMT;
}

static int make_directory(struct stream *stream, const struct place *place)
{
	int type = *place->name ? type_of(place) : S_IFDIR;
	if (type != S_IFDIR) {
		if (type >= 0 && remove_tree_at(stream->x, place->parent, place->name, stream->root, stream->path) < 0)
			return -1;
		int error = k_mkdirat(place->parent, place->name, 0755);
		if (error < 0)
			return stream_fail(stream, error, "mkdirat");
	}
	return set_status(stream, place, false);
}

static int write_data(struct stream *stream, int fd)
{
	const char *bytes;
	long length;
	while ((length = stream_data(stream, &bytes)) > 0) {
		while (length > 0) {
			long written = k_write(fd, bytes, (size_t)length);
			if (written <= 0)
				return stream_fail(stream, written < 0 ? written : -EIO, "write");
			bytes += written;
			length -= written;
		}
	}
	return (int)length;
}

static int make_file(struct stream *stream, const struct place *place)
{
	CLOSING fd = k_openat(place->parent, place->name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0644);
	if (fd < 0)
		return stream_fail(stream, fd, "openat");
	if (write_data(stream, fd) < 0)
		return -1;
	if (stream->entry.position > stream->entry.data_length) {
		int error = k_truncate(fd, (int64_t)stream->entry.position);
		if (error < 0)
			return stream_fail(stream, error, "ftruncate");
	}
	return set_status(stream, place, false);
}

static int write_extent(struct stream *stream, const struct place *place)
{
	int type = *place->name ? type_of(place) : S_IFDIR;
	if (type < 0)
		return stream_fail(stream, type, "statx");
	if (type != S_IFREG)
		return stream_violate(stream, "only a regular file has extents");
	CLOSING fd = k_openat(place->parent, place->name, O_WRONLY | O_NOFOLLOW | O_NONBLOCK, 0);
	if (fd < 0)
		return stream_fail(stream, fd, "openat");
	long at = k_seek(fd, (long)stream->entry.position, 0);
	if (at < 0)
		return stream_fail(stream, at, "lseek");
	return write_data(stream, fd);
}

static int make_hard_link(struct stream *stream, const struct place *place)
{
	char copy[STREAM_MAX_PATH + 1];
	struct place target;
	if (find_place(stream, stream->text, copy, false, &target) < 0)
		return -1;
	int error = *target.name ? k_linkat(target.parent, target.name, place->parent, place->name) : -EISDIR;
	k_close(target.parent);
	return error < 0 ? stream_fail(stream, error, "linkat") : 0;
}

static int make_node(struct stream *stream, const struct place *place, unsigned type)
{
	const struct stream_entry *entry = &stream->entry;
	if (entry->major > 0xfff || entry->minor > 0xfffff)
		return stream_violate(stream, "a device's number is out of range");
	int error = k_mknodat(place->parent, place->name, type | 0600, device_number(entry->major, entry->minor));
	return error < 0 ? stream_fail(stream, error, "mknodat") : set_status(stream, place, false);
}

/* Only of what can be opened without waking anything up. */
static int set_attribute(struct stream *stream, const struct place *place)
{
	static char value[STREAM_MAX_ATTRIBUTE];
	size_t size = 0;
	const char *bytes;
	long length;
	if (stream->entry.data_length > sizeof(value))
		return stream_violate(stream, "an extended attribute is too long");
	while ((length = stream_data(stream, &bytes)) > 0) {
		memcpy(value + size, bytes, (size_t)length);
		size += (size_t)length;
	}
	if (length < 0)
		return -1;
	int type = *place->name ? type_of(place) : S_IFDIR;
	if (type < 0)
		return stream_fail(stream, type, "statx");
	if (type != S_IFDIR && type != S_IFREG)
		return stream_violate(stream, "only files and directories have extended attributes");
	CLOSING fd = *place->name ? k_openat(place->parent, place->name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK, 0)
	                          : open_inside(place->parent, "", O_RDONLY | O_DIRECTORY);
	if (fd < 0)
		return stream_fail(stream, fd, "openat");
	int error = k_set_attribute(fd, stream->text, value, size);
	return error < 0 ? stream_fail(stream, error, "fsetxattr") : 0;
}

static int apply_at(struct stream *stream, const struct place *place)
{
	const unsigned kind = stream->entry.kind;
	if (kind == STREAM_DIRECTORY)
		return make_directory(stream, place);
	if (kind == STREAM_ATTRIBUTE)
		return set_attribute(stream, place);
	if (kind == STREAM_EXTENT)
		return write_extent(stream, place);
	if (kind == STREAM_STATUS)
		return set_status(stream, place, *place->name && type_of(place) == S_IFLNK);
	if (!*place->name)
		return stream_violate(stream, "the root can only be a directory");
	if (remove_tree_at(stream->x, place->parent, place->name, stream->root, stream->path) < 0)
		return -1;
	int error;
	switch (kind) {
	case STREAM_REMOVE:
		return 0;
	case STREAM_FILE:
		return make_file(stream, place);
	case STREAM_HARD_LINK:
		return make_hard_link(stream, place);
	case STREAM_CHARACTER_DEVICE:
		return make_node(stream, place, S_IFCHR);
	case STREAM_BLOCK_DEVICE:
		return make_node(stream, place, S_IFBLK);
	case STREAM_FIFO:
		return make_node(stream, place, S_IFIFO);
	case STREAM_SYMLINK:
		error = k_symlinkat(stream->text, place->parent, place->name);
		return error < 0 ? stream_fail(stream, error, "symlinkat") : set_status(stream, place, true);
	default:
		return stream_violate(stream, "an entry of an unknown kind");
	}
}

int stream_apply(struct stream *stream)
{
	const unsigned kind = stream->entry.kind;
	char copy[STREAM_MAX_PATH + 1];
	struct place place;
	bool makes = kind != STREAM_REMOVE && kind != STREAM_STATUS && kind != STREAM_ATTRIBUTE && kind != STREAM_EXTENT;
	if (find_place(stream, stream->path, copy, makes, &place) < 0)
		return -1;
	int result = apply_at(stream, &place);
	k_close(place.parent);
	return result;
}
