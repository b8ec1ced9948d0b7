/* Loop devices, for who mounts files that a file system does not take. */
#ifndef CORTEN_LOOP_H
#define CORTEN_LOOP_H

#include "execution.h"

/*
 * Gives `fs` a loop device that shows the file `name` read-only as its source. Returns the device, which goes with its
 * last user: it is to be held until there is a mount.
 */
int attach_loop(struct execution *x, int fs, const char *name);

#endif
