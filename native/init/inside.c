#include "inside.h"

#include "../common/memory.h"

#define PATH_SIZE 4096
#define MAX_LINKS 40
#define MAX_RETRIES 256

int open_resolved(int dir, const char *path, int flags, unsigned mode, uint64_t resolve)
{
	struct open_how how = { .flags = (uint64_t)(unsigned)(flags | O_CLOEXEC), .mode = mode, .resolve = resolve };
	long fd = -EAGAIN;
	for (int tries = 0; fd == -EAGAIN && tries < MAX_RETRIES; tries++)
		fd = RETRIED(call4(__NR_openat2, dir, path, &how, sizeof(how)));
	return (int)fd;
}

int open_inside(int root, const char *path, int flags)
{
	if (!*path)
		path = ".";
	return open_resolved(root, path, flags, 0, RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS);
}

int open_beneath(int dir, const char *path, int flags)
{
	return open_resolved(dir, path, flags, 0, RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_SYMLINKS);
}

/* Enters or makes `name` in `parent`. */
static int make_component(int parent, const char *name, bool file, unsigned mode)
{
	if (file) {
		int fd = k_openat(parent, name, O_CREAT | O_EXCL | O_NOFOLLOW | O_WRONLY, mode);
		if (fd < 0)
			return fd;
		k_close(fd);
		return open_beneath(parent, name, O_PATH | O_NOFOLLOW);
	}
	int made = k_mkdirat(parent, name, mode);
	if (made < 0)
		return made;
	return open_beneath(parent, name, O_PATH | O_NOFOLLOW | O_DIRECTORY);
}

/* Puts `link` in the place of the first `end` bytes' last component (which starts at `start`) of `path`. */
static int substitute(char path[PATH_SIZE], size_t start, size_t end, const char *link)
{
	char joined[PATH_SIZE];
	struct format out = format_start(joined, sizeof(joined));
	if (link[0] != '/')
		format_bytes(&out, path, start);
	format_text(&out, link);
	format_text(&out, path + end);
	if (out.length == sizeof(joined) - 1)
		return -ENAMETOOLONG;
	memcpy(path, joined, out.length + 1);
	return 0;
}

/*
 * One pass from the root down. Existing parents are resolved by the kernel, from the root, so that links in them
 * mean what they mean to the container. Returns a descriptor, an error, or 0 when a dangling link was put into
 * `path` and the pass has to start again.
 */
static int create_pass(int root, char path[PATH_SIZE], enum create create, unsigned mode)
{
	CLOSING parent = open_inside(root, "", O_PATH | O_DIRECTORY);
	if (parent < 0)
		return parent;
	bool made = false;
	size_t end = 0;
	for (;;) {
		size_t start = end;
		while (path[start] == '/')
			start++;
		if (!path[start])
			break;
		end = start;
		while (path[end] && path[end] != '/')
			end++;
		size_t rest = end;
		while (path[rest] == '/')
			rest++;
		bool last = !path[rest];
		char after = path[end];
		path[end] = '\0';

		int next = made ? -ENOENT : open_inside(root, path, O_PATH);
		if (next == -ENOENT) {
			const char *name = path + start;
			if (text_equal(name, ".") || text_equal(name, ".."))
				return -ENOENT;
			bool file = last && create == CREATE_FILE;
			next = make_component(parent, name, file, create == CREATE_FILE && !last ? 0755 : mode);
			if (next == -EEXIST) {
				char link[PATH_SIZE];
				long length = k_readlinkat(parent, name, link, sizeof(link) - 1);
				path[end] = after;
				/* No link: another process has just made it. The pass starts again. */
				if (length < 0)
					return length == -EINVAL ? 0 : (int)length;
				link[length] = '\0';
				return substitute(path, start, end, link);
			}
			made = true;
		}
		path[end] = after;
		if (next < 0)
			return next;
		k_close(parent);
		parent = next;
	}
	int result = parent;
	parent = -1;
	return result;
}

int create_inside(int root, const char *path, enum create create, unsigned mode)
{
	int fd = open_inside(root, path, O_PATH);
	if (fd != -ENOENT || create == CREATE_NOTHING)
		return fd;
	char copy[PATH_SIZE];
	size_t length = text_length(path);
	if (length >= sizeof(copy))
		return -ENAMETOOLONG;
	memcpy(copy, path, length + 1);
	for (int links = 0; links < MAX_LINKS; links++) {
		fd = create_pass(root, copy, create, mode);
		if (fd != 0)
			return fd;
	}
	return -ELOOP;
}

int open_parent(int dir, const char *path, const char **name, bool *owned)
{
	const char *slash = NULL;
	for (const char *at = path; *at; at++) {
		if (*at == '/')
			slash = at;
	}
	*owned = false;
	*name = path;
	if (!slash || dir == AT_FDCWD)
		return dir;
	char parent[PATH_SIZE];
	size_t length = (size_t)(slash - path);
	if (length == 0 || length >= sizeof(parent))
		return -EINVAL;
	memcpy(parent, path, length);
	parent[length] = '\0';
	*name = slash + 1;
	int fd = open_beneath(dir, parent, O_PATH | O_DIRECTORY);
	*owned = fd >= 0;
	return fd;
}
