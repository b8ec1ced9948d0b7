/*
 * The worker: copies the container's output to the log and to attached clients, and what they send to its stdin.
 *
 * It is a child of the keeper (keeper.c) and shares its descriptors, so it can be killed and made again without the
 * container noticing. When the keeper is killed it works on until the container has ended.
 */
#ifndef CORTEN_MONITOR_SERVE_H
#define CORTEN_MONITOR_SERVE_H

#include "log.h"
#include "streams.h"

#include <sys/types.h>

/* Between keeper and worker, on a SOCK_SEQPACKET pair: messages of one or three bytes. */
enum control_message {
	/* Keeper to worker: the container has ended; exit code and signal follow. */
	CONTROL_ENDED = 'E',
	/* Worker to keeper: close the write end of stdin too. */
	CONTROL_CLOSE_STDIN = 'C',
	/* Worker to keeper, after the end: the log is complete. */
	CONTROL_DRAINED = 'D',
	/* Keeper to worker: the exit record is written, clients may be told. */
	CONTROL_RECORDED = 'R',
};

struct service {
	struct streams streams;
	struct log log;
	int listener;
	int control;
	/* The container's first process; its pidfd, or -1. */
	int process;
};

/* Returns when the container has ended and its output has been passed on. */
void serve(struct service *service);

#endif
