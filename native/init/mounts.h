/* What the operations on mounts share. */
#ifndef CORTEN_MOUNTS_H
#define CORTEN_MOUNTS_H

#include "execution.h"

/*
 * Adds to the failure what the file system itself says about it: lines such as "e overlay: upperdir is in use".
 * Returns -1.
 */
int fail_filesystem(struct execution *x, int fs);

#endif
