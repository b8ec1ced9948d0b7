#include "files.h"

int replace_file(struct execution *x, int dir, const char *path, const char *data, size_t length, unsigned mode)
{
	char temporary[4096];
	struct format out = format_start(temporary, sizeof(temporary));
	format_print(&out, "%s.%d.tmp", path, k_getpid());
	if (out.length == sizeof(temporary) - 1)
		return fail(x, ENAMETOOLONG, "openat(%f, %q)", dir, path);
	int fd = k_openat(dir, temporary, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, mode);
	if (write_file(x, fd, dir, temporary, data, length, 0) < 0) {
		if (fd >= 0)
			k_unlinkat(dir, temporary, 0);
		return -1;
	}
	int error = k_renameat(dir, temporary, dir, path, 0);
	if (error < 0) {
		k_unlinkat(dir, temporary, 0);
		return fail(x, error, "renameat2(%f, %q, %q)", dir, temporary, path);
	}
	return 0;
}
