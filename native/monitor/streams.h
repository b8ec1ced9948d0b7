/* The descriptors behind the container's stdin, stdout and stderr, and the two sockets in its directory. */
#ifndef CORTEN_MONITOR_STREAMS_H
#define CORTEN_MONITOR_STREAMS_H

#include "fault.h"

#include <stdbool.h>

/* The monitor's ends; -1 for what there is not. With a terminal, `output` and `input` are its master. */
struct streams {
	int output;
	int error;
	int input;
	int terminal;
};

/* The ends that corten-init gets as its 0, 1 and 2. */
struct child_ends {
	int fd[3];
};

/* Makes pipes; stdin is /dev/null unless `stdin_open`. With a terminal all three are /dev/null. */
int streams_make(struct streams *streams, struct child_ends *ends, bool terminal, bool stdin_open, struct fault *fault);

void child_ends_close(struct child_ends *ends);

/* A listening unix socket (0600) called `name` in the working directory, in place of a stale one. */
int socket_listen(const char *name, struct fault *fault);

/* Accepts a connection of the monitor's own user, not blocking; -1 for none, or a stranger's (which is closed). */
int socket_accept(int listener);

/* Takes the pty master from one accepted console connection. -1 with a fault when what came is no master. */
int streams_receive_terminal(struct streams *streams, int connection, bool stdin_open, struct fault *fault);

#endif
