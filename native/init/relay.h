/* Copying between the caller's stdin and stdout and a pty's master, with back-pressure in both directions. */
#ifndef CORTEN_RELAY_H
#define CORTEN_RELAY_H

#include "execution.h"

#define RELAY_BUFFER 8192
#define RELAY_WATCHED 3

struct relay_buffer {
	size_t start;
	size_t end;
	char bytes[RELAY_BUFFER];
};

struct relay {
	int master;
	int input;
	int output;
	/* `output` is a descriptor of the relay's own that does not block. */
	bool output_owned;
	bool input_ended;
	/* No process has the slave open; one may open it again. */
	bool hung_up;
	/* Nobody reads what is written: it is discarded, so that the container does not stall. */
	bool output_broken;
	/* The last byte that went to the container. */
	char last_input;
	/* Statically allocated: this is what the executor's memory consists of while a container runs. */
	struct relay_buffer *to_container;
	struct relay_buffer *from_container;
};

void relay_start(struct relay *relay, int master);

/* Fills RELAY_WATCHED entries for poll. Returns its timeout: `pause`, or NULL to wait for ever. */
const struct __kernel_timespec *relay_watch(struct relay *relay, struct pollfd *watched,
                                            struct __kernel_timespec *pause);

/* Copies what can be copied without waiting. */
void relay_run(struct relay *relay, const struct pollfd *watched);

/* After the child's end: copies what it has still written, until the slave's last holder is gone. */
void relay_drain(struct relay *relay);

void relay_end(struct relay *relay);

#endif
