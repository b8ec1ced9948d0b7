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

/*
 * Removes what is called `name` in `parent`, with all that is below, never following a link or entering a mount; that
 * nothing is there is fine. `dir` and `path` are for messages. Returns 0, or a negative number with the failure filled.
 */
int remove_tree_at(struct execution *x, int parent, const char *name, int dir, const char *path);

/* The kernel's own encoding of a device number: 12 bits of major, 20 of minor. */
unsigned device_number(unsigned major, unsigned minor);

#endif
