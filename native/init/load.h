/* Reading the plan's file. */
#ifndef CORTEN_LOAD_H
#define CORTEN_LOAD_H

#include "execution.h"

/*
 * Reads the plan at `path` into memory of its own, unlinks it, validates it, and fills `x->plan`.
 * Returns 0; after a failure it has told so on stderr and returns a negative number.
 */
int load_plan(struct execution *x, const char *path);

#endif
