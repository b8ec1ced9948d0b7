/* A known plan becomes a start: the container's state directory with its record and its plan, then the executor. */
#ifndef CORTEN_FRONT_REPLAY_H
#define CORTEN_FRONT_REPLAY_H

#include "line.h"
#include "plans.h"

/*
 * Becomes the executor at `executor`. Returns false, having changed nothing, where the plan does not hold any more;
 * `stale` tells whether it never will. `buffer` has room for PLAN_MAX_SIZE bytes.
 */
bool replay(const struct line *line, const struct plans *plans, const struct template *template, const char *executor,
            char *buffer, bool *stale);

#endif
