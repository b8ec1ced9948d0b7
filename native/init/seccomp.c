/* System call filters, and the agents that answer for what a filter leaves to them. */
#include "channel.h"
#include "operations.h"

#include <linux/filter.h>
#include <linux/seccomp.h>

/* Returns what seccomp(2) returns: a listener's descriptor where the flags ask for one. */
static long set_filter(struct execution *x, const char *bytes, size_t length, uint64_t flags)
{
	if (length % sizeof(struct sock_filter) != 0 || length / sizeof(struct sock_filter) > BPF_MAXINSNS)
		return fail(x, EINVAL, "seccomp(SECCOMP_SET_MODE_FILTER, %x, %l bytes)", flags, (int64_t)length);
	struct sock_fprog program = {
		.len = (unsigned short)(length / sizeof(struct sock_filter)),
		.filter = (struct sock_filter *)(uintptr_t)bytes,
	};
	long result = call3(__NR_seccomp, SECCOMP_SET_MODE_FILTER, flags, &program);
	if (result < 0)
		return fail(x, result, "seccomp(SECCOMP_SET_MODE_FILTER, %x, %d instructions)", flags, (int)program.len);
	return result;
}

int op_set_seccomp(struct execution *x)
{
	uint64_t flags = raw_field(x, SET_SECCOMP_FLAGS);
	long result =
		set_filter(x, text_field(x, SET_SECCOMP_PROGRAM), data_length(x, SET_SECCOMP_PROGRAM), flags);
	if (result < 0)
		return -1;
	if (flags & SECCOMP_FILTER_FLAG_NEW_LISTENER)
		return out_field(x, SET_SECCOMP_OUT, (int)result);
	return 0;
}

int op_set_seccomp_listener(struct execution *x)
{
	if (!x->is_child)
		return fail_as(x, FAILED_PROTOCOL, 0, "only the container section has a parent");
	int32_t event = (int32_t)int_field(x, SET_SECCOMP_LISTENER_EVENT);
	struct message message = { .type = MESSAGE_LISTENER };
	long listener = set_filter(x, text_field(x, SET_SECCOMP_LISTENER_PROGRAM),
	                           data_length(x, SET_SECCOMP_LISTENER_PROGRAM),
	                           raw_field(x, SET_SECCOMP_LISTENER_FLAGS) | SECCOMP_FILTER_FLAG_NEW_LISTENER);
	if (listener < 0)
		return -1;
	/*
	 * Until the agent has the listener nobody answers a call that is left to it. So the parent fetches the
	 * descriptor by itself; it is told the number by write(2), which no filter may leave to an agent.
	 */
	message.value = (int32_t)listener;
	long done = k_write(x->channel, &message, MESSAGE_HEAD);
	if (done < 0)
		return fail(x, done, "write(), with the seccomp listener");
	done = k_read(x->channel, &message, sizeof(message));
	if (done < 0)
		return fail(x, done, "read(), until the seccomp agent has the listener");
	if (done < (long)MESSAGE_HEAD || message.type != MESSAGE_EVENT || message.value != event)
		return fail_as(x, FAILED_PROTOCOL, EPROTO, "the seccomp listener was not handed to its agent");
	/* A listener of its own would let the process wait for ever once the agent has gone. */
	k_close((int)listener);
	return 0;
}

int op_take_listener(struct execution *x)
{
	if (x->is_child || x->channel < 0)
		return fail_as(x, FAILED_PROTOCOL, 0, "there is no child to take a listener from");
	int32_t number;
	int fd;
	if (channel_expect(x, MESSAGE_LISTENER, &number, &fd) < 0)
		return -1;
	if (fd >= 0)
		k_close(fd);
	long listener = call3(__NR_pidfd_getfd, x->child.pidfd, number, 0);
	if (listener < 0)
		return fail(x, listener, "pidfd_getfd(%d, %d)", x->child.pid, number);
	return out_field(x, TAKE_LISTENER_OUT, (int)listener);
}

#define MAX_PARTS 8

int op_send_state(struct execution *x)
{
	int socket = in_field(x, SEND_STATE_SOCKET);
	int fd = in_field(x, SEND_STATE_FD);
	uint64_t parts = raw_field(x, SEND_STATE_PARTS);
	uint32_t count = plan_length(parts);
	if (count == 0 || count > MAX_PARTS)
		return fail(x, EINVAL, "sendmsg(%f, state of %d parts)", socket, (int)count);
	char pid[16];
	struct format out = format_start(pid, sizeof(pid));
	format_number(&out, x->child.pid);
	struct iovec vectors[2 * MAX_PARTS];
	size_t used = 0;
	for (uint32_t i = 0; i < count; i++) {
		const char *text = plan_element(&x->plan, parts, i);
		if (i > 0)
			vectors[used++] = (struct iovec){ .iov_base = pid, .iov_len = out.length };
		vectors[used++] = (struct iovec){ .iov_base = (void *)(uintptr_t)text, .iov_len = text_length(text) };
	}
	struct kernel_rights rights = {
		.length = RIGHTS_LENGTH, .level = LEVEL_SOCKET, .type = CONTROL_RIGHTS, .descriptor = fd
	};
	struct kernel_message envelope = {
		.vectors = vectors, .vector_count = used, .control = &rights, .control_length = sizeof(rights)
	};
	while (envelope.vector_count > 0) {
		long sent = k_sendmsg(socket, &envelope, MESSAGE_NOSIGNAL);
		if (sent <= 0)
			return fail(x, sent, "sendmsg(%f, SCM_RIGHTS %f)", socket, fd);
		/* A long state may go in pieces; the descriptor goes with the first. */
		envelope.control = NULL;
		envelope.control_length = 0;
		while (envelope.vector_count > 0 && (size_t)sent >= envelope.vectors->iov_len) {
			sent -= (long)envelope.vectors->iov_len;
			envelope.vectors++;
			envelope.vector_count--;
		}
		if (envelope.vector_count > 0) {
			envelope.vectors->iov_base = (char *)envelope.vectors->iov_base + sent;
			envelope.vectors->iov_len -= (size_t)sent;
		}
	}
	return 0;
}
