/* Datagrams of unix sockets: what a service says about its readiness, and lines of a log. */
#include "channel.h"
#include "operations.h"
#include "unix-address.h"

#include "../common/memory.h"
#include <linux/prctl.h>
#include <linux/sched.h>

/* systemd's own messages have less than a page. */
#define DATAGRAM_SIZE 4096

int op_listen_datagram(struct execution *x)
{
	const char *path = text_field(x, LISTEN_DATAGRAM_PATH);
	CLOSING dir = -1;
	struct kernel_unix_address address = { 0 };
	int length = unix_address(&address, path, &dir);
	if (length < 0)
		return fail(x, length, "bind(%q)", path);
	CLOSING fd = k_socket(FAMILY_UNIX, TYPE_DATAGRAM);
	if (fd < 0)
		return fail(x, fd, "socket(AF_UNIX, SOCK_DGRAM)");
	int error = k_bind(fd, &address, length);
	if (error < 0)
		return fail(x, error, "bind(%f, %q)", fd, path);
	int result = fd;
	fd = -1;
	return out_field(x, LISTEN_DATAGRAM_OUT, result);
}

/* Returns 0 or the errno number negated. */
static int send_datagram(const char *path, const char *data, size_t length)
{
	CLOSING dir = -1;
	struct kernel_unix_address address = { 0 };
	int address_length = unix_address(&address, path, &dir);
	if (address_length < 0)
		return address_length;
	CLOSING fd = k_socket(FAMILY_UNIX, TYPE_DATAGRAM);
	if (fd < 0)
		return fd;
	struct iovec vector = { .iov_base = (void *)(uintptr_t)data, .iov_len = length };
	struct kernel_message envelope = {
		.name = &address, .name_length = address_length, .vectors = &vector, .vector_count = 1
	};
	long sent = k_sendmsg(fd, &envelope, MESSAGE_NOSIGNAL);
	return sent < 0 ? (int)sent : 0;
}

int op_send_datagram(struct execution *x)
{
	const char *path = text_field(x, SEND_DATAGRAM_PATH);
	int error = send_datagram(path, text_field(x, SEND_DATAGRAM_DATA), data_length(x, SEND_DATAGRAM_DATA));
	return error < 0 ? fail(x, error, "sendmsg(%q)", path) : 0;
}

/* True for a message that has the line READY=1. */
static bool says_ready(const char *message, size_t length)
{
	static const char ready[] = "READY=1";
	const size_t size = sizeof(ready) - 1;
	for (size_t at = 0; at + size <= length; at++) {
		bool begins = at == 0 || message[at - 1] == '\n';
		bool ends = at + size == length || message[at + size] == '\n';
		if (begins && ends && memcmp(message + at, ready, size) == 0)
			return true;
	}
	return false;
}

/* Takes one message; what it carries beside text is closed by not being received. */
static bool take_ready(int socket)
{
	char message[DATAGRAM_SIZE];
	struct iovec vector = { .iov_base = message, .iov_len = sizeof(message) };
	struct kernel_message envelope = { .vectors = &vector, .vector_count = 1 };
	long length = k_recvmsg(socket, &envelope, MESSAGE_CLOEXEC | MESSAGE_DONTWAIT);
	return length > 0 && says_ready(message, (size_t)length);
}

/* Returns 1 when the service is ready, 0 when its process has ended, -1 after a failure. */
static int await_ready(struct execution *x, int socket, int process, int signals)
{
	for (;;) {
		struct pollfd watched[3] = {
			{ .fd = socket, .events = POLLIN },
			{ .fd = process, .events = POLLIN },
			{ .fd = signals, .events = POLLIN },
		};
		int ready = k_poll(watched, 3, NULL);
		if (ready < 0)
			return fail(x, ready, "ppoll(%f)", socket);
		/* First: a process that said so and ended at once has been ready. */
		if (watched[0].revents && take_ready(socket))
			return 1;
		if (!watched[0].revents && watched[1].revents)
			return 0;
		if (signals >= 0 && check_interrupted(x) < 0)
			return -1;
	}
}

static void tell_ready(const char *target, int64_t pid)
{
	char text[64];
	struct format out = format_start(text, sizeof(text));
	format_text(&out, "READY=1\n");
	if (pid > 0)
		format_print(&out, "MAINPID=%l\n", pid);
	/* A service manager that no longer listens is no reason to end a container that runs. */
	send_datagram(target, text, out.length);
}

int op_forward_ready(struct execution *x)
{
	int socket = in_field(x, FORWARD_READY_SOCKET);
	int process = in_field(x, FORWARD_READY_PROCESS);
	const char *target = text_field(x, FORWARD_READY_TARGET);
	int64_t pid = int_field(x, FORWARD_READY_PID);
	if (pid < 0)
		pid = x->child.pid;
	if (!int_field(x, FORWARD_READY_BACKGROUND)) {
		int result = await_ready(x, socket, process, x->signals);
		if (result > 0)
			tell_ready(target, pid);
		return result < 0 ? -1 : 0;
	}
	int parent = k_getpid();
	long forwarder = call5(__NR_clone, SIGCHLD, 0, 0, 0, 0);
	if (forwarder < 0)
		return fail(x, forwarder, "clone(SIGCHLD)");
	if (forwarder > 0)
		return 0;
	/* Everything but this: the standard streams and the terminal of the container are not to be held open. */
	k_prctl(PR_SET_PDEATHSIG, SIGKILL, 0);
	if ((int)call0(__NR_getppid) != parent)
		k_exit(0);
	for (int fd = 0; fd < 3; fd++)
		k_close(fd);
	k_close(x->channel);
	for (unsigned i = 0; i < PLAN_MAX_REGISTERS; i++) {
		if (x->registers[i] != socket && x->registers[i] != process && x->registers[i] >= 0)
			k_close(x->registers[i]);
	}
	if (await_ready(x, socket, process, -1) > 0)
		tell_ready(target, pid);
	k_exit(0);
}
