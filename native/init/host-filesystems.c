/* `--no-pivot`: the host's mounts stay in the namespace, below the container's root. */
#include "../common/memory.h"
#include "operations.h"
#include "root.h"

#include <linux/mman.h>

#define TABLE_SIZE (1 << 20)
#define PATH_SIZE 4096

/* The next field of a line, ended by a NUL; `*at` moves behind it. */
static char *next_field(char **at)
{
	char *field = *at;
	char *end = field;
	while (*end && *end != ' ')
		end++;
	*at = *end ? end + 1 : end;
	*end = '\0';
	return field;
}

/* mountinfo writes space, tab, newline and backslash as three octal digits. */
static void decode_path(char *path)
{
	char *to = path;
	for (const char *from = path; *from; to++) {
		if (from[0] == '\\' && from[1] && from[2] && from[3]) {
			*to = (char)((from[1] - '0') * 64 + (from[2] - '0') * 8 + (from[3] - '0'));
			from += 4;
		} else {
			*to = *from++;
		}
	}
	*to = '\0';
}

static bool starts_with(const char *text, const char *prefix)
{
	while (*prefix) {
		if (*text++ != *prefix++)
			return false;
	}
	return true;
}

/* The place of a procfs or sysfs outside of `root`; NULL for any other line. */
static const char *foreign_place(char *line, const char *root)
{
	char *at = line;
	for (int skipped = 0; skipped < 4; skipped++)
		next_field(&at);
	char *place = next_field(&at);
	while (*at && !starts_with(at, "- "))
		next_field(&at);
	next_field(&at);
	const char *type = next_field(&at);
	if (!text_equal(type, "proc") && !text_equal(type, "sysfs"))
		return NULL;
	decode_path(place);
	size_t length = text_length(root);
	return starts_with(place, root) && (place[length] == '/' || !place[length]) ? NULL : place;
}

static int cover(struct execution *x, const char *place)
{
	int error = k_umount(place, MNT_DETACH);
	if (error >= 0 || error == -ENOENT)
		return 0;
	/* Locked by a more privileged user namespace: then it is covered, which is as good. */
	if (error == -EINVAL || error == -EPERM)
		error = k_mount("tmpfs", place, "tmpfs", MS_RDONLY);
	return error < 0 ? fail(x, error, "umount2(%q, MNT_DETACH)", place) : 0;
}

static long read_table(char *table)
{
	CLOSING file = k_openat(AT_FDCWD, "/proc/self/mountinfo", O_RDONLY, 0);
	if (file < 0)
		return file;
	size_t length = 0;
	for (;;) {
		long got = k_read(file, table + length, TABLE_SIZE - 1 - length);
		if (got < 0)
			return got;
		if (got == 0)
			break;
		length += (size_t)got;
		if (length == TABLE_SIZE - 1)
			return -EFBIG;
	}
	table[length] = '\0';
	return (long)length;
}

/*
 * The kernel lets a user namespace mount a new procfs or sysfs when one that is not masked is in its mount namespace:
 * the host's, which a chroot only hides. Without this, maskedPaths could be undone.
 */
int cover_host_filesystems(struct execution *x, int root)
{
	char own[PATH_SIZE];
	char link[32];
	struct format out = format_start(link, sizeof(link));
	format_print(&out, "/proc/self/fd/%d", root);
	long length = k_readlinkat(AT_FDCWD, link, own, sizeof(own) - 1);
	if (length < 0)
		return fail(x, length, "readlinkat(AT_FDCWD, %q)", link);
	own[length] = '\0';
	long mapped = k_map(TABLE_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS);
	if (mapped < 0)
		return fail(x, mapped, "mmap(%d)", TABLE_SIZE);
	char *table = (char *)mapped;
	long size = read_table(table);
	if (size < 0)
		return fail(x, size, "read(\"/proc/self/mountinfo\")");
	/* From the last line up: what lies over another mount goes first. */
	for (char *end = table + size; end > table;) {
		char *line = end - 1;
		*line = '\0';
		while (line > table && line[-1] != '\n')
			line--;
		end = line;
		const char *place = foreign_place(line, own);
		if (place && cover(x, place) < 0)
			return -1;
	}
	return 0;
}
