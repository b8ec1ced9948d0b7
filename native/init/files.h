/* What the families of operations share about files. */
#ifndef CORTEN_FILES_H
#define CORTEN_FILES_H

#include "execution.h"

/*
 * Writes `data` in one call to `fd`, the result of opening `path`, and closes it. An error of opening or writing
 * with number `ignore` is success. Returns 0 or a negative number with the failure filled.
 */
int write_file(struct execution *x, int fd, int dir, const char *path, const char *data, size_t length, int ignore);

/* Of a descriptor, O_PATH or not. Both return 0 or the errno number negated; -1 leaves an id alone. */
int change_mode(int fd, unsigned mode);
int change_owner(int fd, int64_t uid, int64_t gid);

/*
 * Writes a small file under a temporary name and renames it over `path`, so that a reader sees all of it or
 * nothing. Returns 0 or a negative number with the failure filled.
 */
int replace_file(struct execution *x, int dir, const char *path, const char *data, size_t length, unsigned mode);

#endif
