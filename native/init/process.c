/* Operations between the sections, and on the child. */
#include "channel.h"
#include "files.h"
#include "operations.h"
#include "../common/process-stat.h"
#include "spawn.h"

#include <linux/prctl.h>

static int need_channel(struct execution *x)
{
	if (x->channel < 0)
		return fail_as(x, FAILED_PROTOCOL, 0, "there is no other section to speak to");
	return 0;
}

int op_notify(struct execution *x)
{
	if (need_channel(x) < 0)
		return -1;
	int32_t event = (int32_t)int_field(x, NOTIFY_EVENT);
	int error = channel_send(x->channel, MESSAGE_EVENT, event, -1);
	return error < 0 ? fail(x, error, "sendmsg(event %d)", event) : 0;
}

int op_await(struct execution *x)
{
	if (need_channel(x) < 0)
		return -1;
	int32_t event = (int32_t)int_field(x, AWAIT_EVENT);
	int32_t got;
	int fd;
	if (channel_expect(x, MESSAGE_EVENT, &got, &fd) < 0)
		return -1;
	if (fd >= 0)
		k_close(fd);
	if (got != event)
		return fail_as(x, FAILED_PROTOCOL, EPROTO, "expected event %d of the other section, got %d", event, got);
	return 0;
}

int op_pass_to_parent(struct execution *x)
{
	if (!x->is_child)
		return fail_as(x, FAILED_PROTOCOL, 0, "only the container section has a parent");
	int fd = in_field(x, PASS_TO_PARENT_FD);
	int error = channel_send(x->channel, MESSAGE_DESCRIPTOR, 0, fd);
	return error < 0 ? fail(x, error, "sendmsg(SCM_RIGHTS %f)", fd) : 0;
}

int op_receive_from_child(struct execution *x)
{
	if (need_channel(x) < 0)
		return -1;
	int32_t value;
	int fd;
	if (channel_expect(x, MESSAGE_DESCRIPTOR, &value, &fd) < 0)
		return -1;
	if (fd < 0)
		return fail_as(x, FAILED_PROTOCOL, EBADF, "the container section passed no descriptor");
	return out_field(x, RECEIVE_FROM_CHILD_OUT, fd);
}

int op_send_descriptor(struct execution *x)
{
	int socket = in_field(x, SEND_DESCRIPTOR_SOCKET);
	int fd = in_field(x, SEND_DESCRIPTOR_FD);
	const char *text = text_field(x, SEND_DESCRIPTOR_MESSAGE);
	size_t length = text_length(text);
	/* A stream carries a descriptor only together with data: at least the terminator. */
	struct iovec vector = { .iov_base = (void *)(uintptr_t)text, .iov_len = length > 0 ? length : 1 };
	struct kernel_rights rights = {
		.length = RIGHTS_LENGTH, .level = LEVEL_SOCKET, .type = CONTROL_RIGHTS, .descriptor = fd
	};
	struct kernel_message envelope = {
		.vectors = &vector, .vector_count = 1, .control = &rights, .control_length = sizeof(rights)
	};
	long sent = k_sendmsg(socket, &envelope, MESSAGE_NOSIGNAL);
	if (sent < 0)
		return fail(x, sent, "sendmsg(%f, SCM_RIGHTS %f)", socket, fd);
	if ((size_t)sent != vector.iov_len)
		return fail(x, EMSGSIZE, "sendmsg(%f, SCM_RIGHTS %f)", socket, fd);
	return 0;
}

int op_await_exec(struct execution *x)
{
	if (need_channel(x) < 0)
		return -1;
	/* The channel closes with execve; until then a failure may still come. */
	for (;;) {
		struct pollfd watched[2] = {
			{ .fd = x->channel, .events = POLLIN },
			{ .fd = x->signals, .events = POLLIN },
		};
		int ready = k_poll(watched, 2, NULL);
		if (ready < 0)
			return fail(x, ready, "ppoll(%f)", x->channel);
		if (watched[1].revents && check_interrupted(x) < 0)
			return -1;
		if (!watched[0].revents)
			continue;
		bool ended;
		int result = channel_poll(x, &ended);
		if (result < 0 && !ended)
			return -1;
		if (!ended)
			continue;
		k_close(x->channel);
		x->channel = -1;
		return judge_closed(x);
	}
}

/* The process that an operation of this section is about: the child, or this one. */
static int subject(const struct execution *x)
{
	return !x->is_child && x->child.pid > 0 && !x->child.ended ? x->child.pid : k_getpid();
}

int op_record_process(struct execution *x)
{
	int pid = subject(x);
	char text[64];
	struct format out = format_start(text, sizeof(text));
	format_number(&out, pid);
	if (!int_field(x, RECORD_PROCESS_PLAIN)) {
		uint64_t start_time;
		int error = process_start_time(pid, &start_time);
		if (error < 0)
			return fail(x, error, "openat(AT_FDCWD, \"/proc/%d/stat\")", pid);
		format_text(&out, " ");
		format_unsigned(&out, start_time, 10, 0);
		format_text(&out, "\n");
	}
	return replace_file(x, dir_field(x, RECORD_PROCESS_DIR), text_field(x, RECORD_PROCESS_PATH), text, out.length,
	                    0644);
}

int op_join_cgroup(struct execution *x)
{
	int fd = in_field(x, JOIN_CGROUP_FD);
	char text[16];
	struct format out = format_start(text, sizeof(text));
	format_number(&out, !x->is_child && x->child.pid > 0 ? x->child.pid : 0);
	long written = k_write(fd, text, out.length);
	return written < 0 ? fail(x, written, "write(%f, %q)", fd, text) : 0;
}

int op_subreaper(struct execution *x)
{
	int error = k_prctl(PR_SET_CHILD_SUBREAPER, 1, 0);
	return error < 0 ? fail(x, error, "prctl(PR_SET_CHILD_SUBREAPER, 1)") : 0;
}

int op_signal(struct execution *x)
{
	int process = in_field(x, SIGNAL_PROCESS);
	int number = (int)int_field(x, SIGNAL_SIGNAL);
	int error = k_pidfd_signal(process, number);
	return error < 0 ? fail(x, error, "pidfd_send_signal(%f, %d)", process, number) : 0;
}

int op_finish(struct execution *x)
{
	/* Until the child no longer dies with this process: it has reached awaitStart or execute. */
	while (x->child.pid > 0 && !x->child.ended && !x->child.detached) {
		int32_t value;
		int fd;
		if (channel_expect(x, MESSAGE_DETACHED, &value, &fd) < 0)
			return -1;
	}
	x->exit_code = (int)int_field(x, FINISH_CODE);
	x->finished = true;
	return 0;
}
