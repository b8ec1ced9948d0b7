#include "unix-address.h"

#include "../common/format.h"
#include "../common/memory.h"

int unix_address(struct kernel_unix_address *address, const char *path, int *dir)
{
	address->family = FAMILY_UNIX;
	size_t length = text_length(path);
	if (length < sizeof(address->path)) {
		memcpy(address->path, path, length + 1);
		if (path[0] != '@')
			return (int)sizeof(*address);
		address->path[0] = '\0';
		return (int)(sizeof(address->family) + length);
	}
	const char *name = path;
	for (const char *at = path; *at; at++) {
		if (*at == '/')
			name = at + 1;
	}
	char parent[4096];
	size_t parent_length = (size_t)(name - path);
	if (parent_length == 0 || parent_length >= sizeof(parent))
		return -ENAMETOOLONG;
	memcpy(parent, path, parent_length);
	parent[parent_length] = '\0';
	*dir = k_openat(AT_FDCWD, parent, O_PATH | O_DIRECTORY, 0);
	if (*dir < 0)
		return *dir;
	struct format out = format_start(address->path, sizeof(address->path));
	format_print(&out, "/proc/self/fd/%d/%s", *dir, name);
	return out.length == sizeof(address->path) - 1 ? -ENAMETOOLONG : (int)sizeof(*address);
}
