/*
 * Resolution of paths in a root that may be hostile. Each function returns a descriptor, or the errno number
 * negated; none of them fills the failure.
 */
#ifndef CORTEN_INSIDE_H
#define CORTEN_INSIDE_H

#include "execution.h"

/* openat2 with `resolve`, repeated while the kernel answers EAGAIN (a rename raced with a ".."). */
int open_resolved(int dir, const char *path, int flags, unsigned mode, uint64_t resolve);

/* Symlinks resolve inside `root`, as they will for the container. No magic links. An empty path is the root. */
int open_inside(int root, const char *path, int flags);

/* No component may be a symlink or lead out of `dir`. */
int open_beneath(int dir, const char *path, int flags);

enum create { CREATE_NOTHING = 0, CREATE_DIRECTORY = 1, CREATE_FILE = 2 };

/*
 * As `open_inside` with O_PATH; what is missing is made, each directory with mkdirat on its parent's descriptor
 * and entered without following a link (CVE-2024-45310). A symlink to what does not exist is followed inside the
 * root. With CREATE_FILE `mode` is the file's and its parents get 0755; otherwise it is each directory's.
 */
int create_inside(int root, const char *path, enum create create, unsigned mode);

/*
 * The directory that holds the last component of `path`, and that component in `name`. A path below a given `dir`
 * must reach it through no symlink. `*owned` tells whether the caller must close the result.
 */
int open_parent(int dir, const char *path, const char **name, bool *owned);

#endif
