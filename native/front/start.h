/* `start ID`: lets a created container run that nobody else has to hear of. */
#ifndef CORTEN_FRONT_START_H
#define CORTEN_FRONT_START_H

#include "line.h"

enum started {
	/* The whole command line has to look at it: hooks, a service manager, another state, an error. */
	START_UNDECIDED,
	START_DONE,
	/* The program could not be executed; why stands in the file whose path is in `account`. */
	START_FAILED,
};

/* `account` has room for a path. */
enum started start_container(const struct line *line, char *account, size_t size);

#endif
