#include "channel.h"

#include "../common/memory.h"
#include "../common/names.h"
#include "failure.h"
#include "../common/process-stat.h"

#include <linux/signalfd.h>

static long send_message(int channel, const struct message *message, size_t length, int fd)
{
	struct iovec vector = { .iov_base = (void *)(uintptr_t)message, .iov_len = length };
	struct kernel_message envelope = { .vectors = &vector, .vector_count = 1 };
	struct kernel_rights rights = {
		.length = RIGHTS_LENGTH, .level = LEVEL_SOCKET, .type = CONTROL_RIGHTS, .descriptor = fd
	};
	if (fd >= 0) {
		envelope.control = &rights;
		envelope.control_length = sizeof(rights);
	}
	return k_sendmsg(channel, &envelope, MESSAGE_NOSIGNAL);
}

int channel_send(int channel, uint32_t type, int32_t value, int fd)
{
	struct message message;
	message.type = type;
	message.value = value;
	message.kind = 0;
	message.number = 0;
	long sent = send_message(channel, &message, MESSAGE_HEAD, fd);
	return sent < 0 ? (int)sent : 0;
}

int channel_send_failure(int channel, const struct failure *failure)
{
	struct message message;
	message.type = MESSAGE_FAILURE;
	message.value = failure->index;
	message.kind = (int32_t)failure->kind;
	message.number = failure->number;
	size_t length = text_length(failure->message);
	memcpy(message.text, failure->message, length + 1);
	long sent = send_message(channel, &message, MESSAGE_HEAD + length + 1, -1);
	return sent < 0 ? (int)sent : 0;
}

/* Takes over the failure that the child has described. */
static int adopt_failure(struct execution *x, const struct message *message)
{
	x->failure.section = SECTION_CONTAINER;
	x->failure.index = message->value;
	x->failure.kind = (enum failure_kind)message->kind;
	x->failure.number = message->number;
	memcpy(x->failure.message, message->text, text_length(message->text) + 1);
	return -1;
}

static int fail_ended(struct execution *x)
{
	if (x->is_child)
		return fail_as(x, FAILED_PROTOCOL, EPIPE, "the host section has ended");
	/* The socket closes shortly before the process has ended. */
	siginfo_t info = { 0 };
	if (x->child.pidfd >= 0 && k_waitid(P_PIDFD, x->child.pidfd, &info, WEXITED | WNOWAIT) == 0) {
		if (info.si_code == CLD_EXITED)
			return fail_as(x, FAILED_PROTOCOL, 0, "the container's process exited with %d", info.si_status);
		return fail_as(x, FAILED_SIGNAL, 0, "the container's process was killed by %s",
		               signal_name(info.si_status));
	}
	return fail_as(x, FAILED_PROTOCOL, EPIPE, "the container's process has gone");
}

int judge_closed(struct execution *x)
{
	if (x->child.executed)
		return 0;
	/* Its last word was lost, which a seccomp filter without sendmsg explains. */
	siginfo_t info = { 0 };
	if (process_is_ending(x->child.pid) && k_waitid(P_PIDFD, x->child.pidfd, &info, WEXITED | WNOWAIT) == 0) {
		bool own_failure = info.si_code != CLD_EXITED || info.si_status == EXIT_NOT_EXECUTABLE ||
		                   info.si_status == EXIT_NOT_FOUND;
		if (own_failure)
			return fail_ended(x);
	}
	x->child.detached = true;
	x->child.executed = true;
	return 0;
}

/* Receives one message. Returns its length, 0 at the end, or the errno number negated. */
static long receive(struct execution *x, struct message *message, int *fd, int flags)
{
	struct iovec vector = { .iov_base = message, .iov_len = sizeof(*message) };
	struct kernel_rights rights = { 0 };
	struct kernel_message envelope = {
		.vectors = &vector, .vector_count = 1, .control = &rights, .control_length = sizeof(rights)
	};
	*fd = -1;
	long length = k_recvmsg(x->channel, &envelope, flags | MESSAGE_CLOEXEC);
	/*
	 * The other side closed without reading all that it was sent. The kernel tells so once, ahead of what that side
	 * had sent itself, its failure for example.
	 */
	if (length == -ECONNRESET)
		length = k_recvmsg(x->channel, &envelope, flags | MESSAGE_CLOEXEC);
	if (length == -ECONNRESET)
		return 0;
	if (length > 0 && envelope.control_length >= RIGHTS_LENGTH && rights.type == CONTROL_RIGHTS)
		*fd = rights.descriptor;
	if (length > 0 && (size_t)length < MESSAGE_HEAD)
		return -EPROTO;
	if (length > (long)MESSAGE_HEAD)
		((char *)message)[length - 1] = '\0';
	else
		message->text[0] = '\0';
	return length;
}

static void note_detached(struct execution *x, const struct message *message)
{
	x->child.detached = true;
	x->child.executed = message->value == 1;
}

int pending_interruption(struct execution *x)
{
	struct signalfd_siginfo signal;
	const signal_set fatal = SIGNAL_BIT(SIGINT) | SIGNAL_BIT(SIGTERM) | SIGNAL_BIT(SIGHUP) | SIGNAL_BIT(SIGQUIT);
	while (x->signals >= 0 && k_read(x->signals, &signal, sizeof(signal)) == (long)sizeof(signal)) {
		if (fatal & SIGNAL_BIT(signal.ssi_signo))
			return (int)signal.ssi_signo;
	}
	return 0;
}

int check_interrupted(struct execution *x)
{
	int number = pending_interruption(x);
	return number == 0 ? 0 : fail_as(x, FAILED_SIGNAL, EINTR, "interrupted by %s", signal_name(number));
}

/* Until the channel has something. */
static int wait_readable(struct execution *x)
{
	for (;;) {
		struct pollfd watched[2] = {
			{ .fd = x->channel, .events = POLLIN },
			{ .fd = x->signals, .events = POLLIN },
		};
		int ready = k_poll(watched, 2, NULL);
		if (ready < 0)
			return fail(x, ready, "ppoll(%f)", x->channel);
		if (watched[0].revents)
			return 0;
		if (check_interrupted(x) < 0)
			return -1;
	}
}

int channel_expect(struct execution *x, uint32_t type, int32_t *value, int *fd)
{
	for (;;) {
		struct message message;
		int received = -1;
		if (wait_readable(x) < 0)
			return -1;
		long length = receive(x, &message, &received, 0);
		CLOSING descriptor = received;
		if (length < 0)
			return fail(x, length, "recvmsg(%f)", x->channel);
		if (length == 0)
			return fail_ended(x);
		if (message.type == MESSAGE_FAILURE)
			return adopt_failure(x, &message);
		if (message.type == MESSAGE_DETACHED) {
			note_detached(x, &message);
			if (type != MESSAGE_DETACHED)
				continue;
		}
		if (message.type != type)
			return fail_as(x, FAILED_PROTOCOL, EPROTO, "expected message %d of the other section, got %d",
			               (int)type, (int)message.type);
		*value = message.value;
		*fd = descriptor;
		descriptor = -1;
		return 0;
	}
}

int channel_poll(struct execution *x, bool *ended)
{
	struct message message;
	int received = -1;
	*ended = false;
	long length = receive(x, &message, &received, MESSAGE_DONTWAIT);
	CLOSING descriptor = received;
	if (length == -EAGAIN)
		return 1;
	if (length < 0)
		return fail(x, length, "recvmsg(%f)", x->channel);
	if (length == 0) {
		*ended = true;
		return -1;
	}
	if (message.type == MESSAGE_FAILURE)
		return adopt_failure(x, &message);
	if (message.type == MESSAGE_DETACHED)
		note_detached(x, &message);
	return 0;
}

void channel_prefer_failure(struct execution *x)
{
	if (x->channel < 0 || x->is_child)
		return;
	for (;;) {
		struct message message;
		int received = -1;
		long length = receive(x, &message, &received, MESSAGE_DONTWAIT);
		CLOSING descriptor = received;
		if (length <= 0)
			return;
		if (message.type == MESSAGE_FAILURE) {
			adopt_failure(x, &message);
			return;
		}
	}
}
