/*
 * The socket pair between the host section and its child. Messages keep their order: what one section sends, the
 * other must expect in the same order.
 */
#ifndef CORTEN_CHANNEL_H
#define CORTEN_CHANNEL_H

#include "execution.h"

enum message_type {
	MESSAGE_EVENT = 1,
	MESSAGE_DESCRIPTOR = 2,
	/* The child is about to execve, or waits for `start`: it no longer dies with its parent. */
	MESSAGE_DETACHED = 3,
	MESSAGE_FAILURE = 4,
	/* Another process, whose PID and pidfd these are, goes on in the child's place. */
	MESSAGE_RENEWED = 5,
	/* The child's seccomp listener has the descriptor `value` there. */
	MESSAGE_LISTENER = 6,
};

struct message {
	uint32_t type;
	/* The event; of a failure: the index of the operation. For DETACHED: 1 when it is execve that follows. */
	int32_t value;
	/* Of a failure. */
	int32_t kind;
	int32_t number;
	char text[MESSAGE_SIZE];
};
#define MESSAGE_HEAD (offsetof(struct message, text))

/* Sends to the other section; `fd` -1: no descriptor. Returns 0 or the errno number negated. */
int channel_send(int channel, uint32_t type, int32_t value, int fd);

/* The child's failure. Returns 0 or the errno number negated, such as -EPIPE when the parent has finished. */
int channel_send_failure(int channel, const struct failure *failure);

/*
 * Waits for the other section's next message of `type` and stores a descriptor, which is -1 when there was none.
 * A DETACHED in between is noted in `x->child`. A failure that the child reports, its death, and a signal from
 * the caller fill this section's failure.
 */
int channel_expect(struct execution *x, uint32_t type, int32_t *value, int *fd);

/*
 * Takes one message without waiting. Returns 1 when nothing was there, 0 after a message, -1 after a failure and
 * at the end of the channel, of which `*ended` tells.
 */
int channel_poll(struct execution *x, bool *ended);

/* What has become of a child whose end of the channel is closed: 0 when it runs a program, else the failure is filled. */
int judge_closed(struct execution *x);

/* Reads the child's failure if it has sent one: it explains more than what this section saw of it. */
void channel_prefer_failure(struct execution *x);

/* Fails when a signal that ends a program is pending in the host section. */
int check_interrupted(struct execution *x);

/* The same without a failure to fill: the number of the signal, or 0. */
int pending_interruption(struct execution *x);

#endif
