/* Attached clients: who is connected, what is still to be sent to each, what each has begun to send. */
#ifndef CORTEN_MONITOR_CLIENTS_H
#define CORTEN_MONITOR_CLIENTS_H

#include "protocol.h"

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MAX_CLIENTS 16
#define CLIENT_BUFFER 65536

/* One frame from a client. `data` is valid until the next call. */
struct frame {
	enum frame_type type;
	const uint8_t *data;
	size_t length;
};

/* Called for each whole frame. Returning false closes the client. */
typedef bool (*frame_handler)(void *context, const struct frame *frame);

/* Adds a connection and greets it; closes it when there are MAX_CLIENTS. */
void clients_add(int fd, bool terminal, bool stdin_open);

/* Queues a frame for every client, of at most FRAME_MAX bytes; one with no room for it is dropped. */
void clients_send(enum frame_type type, const void *data, size_t length);

/* True when a lossless client has no room for another whole frame. */
bool clients_full(void);

/* True while something is still to be sent; with `lossless_only`, to a lossless client. */
bool clients_pending(bool lossless_only);

/* Fills at most MAX_CLIENTS poll entries; returns how many. `readable` false asks for output room only. */
unsigned int clients_poll(struct pollfd *entries, bool readable);

/* Handles what poll reported for those entries, in the same order. */
void clients_handle(const struct pollfd *entries, unsigned int count, frame_handler handler, void *context);

/* Closes every client. */
void clients_close(void);

#endif
