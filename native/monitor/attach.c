#define _GNU_SOURCE
#include "attach.h"

#include "process.h"
#include "protocol.h"
#include "text.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <termios.h>
#include <unistd.h>

#define EXIT_LOST 255
#define CTRL_P 0x10
#define CTRL_Q 0x11

struct attachment {
	const struct attach_options *options;
	int socket;
	int signals;
	/* -1 once stdin has ended. */
	int input;
	/* The socket is full: stdin is not read, so that output is (a program that copies its input would stand still). */
	bool blocked;
	bool raw;
	struct termios saved;
	/* The last key was Ctrl-P and is held back. */
	bool detaching;
	size_t received;
	uint8_t buffer[FRAME_HEADER + FRAME_MAX];
};

static struct attachment attachment;

static int say(const char *what, const struct fault *fault)
{
	char line[320];
	struct text text = { .data = line, .capacity = sizeof(line) };
	text_add(&text, "corten-monitor: ");
	text_add(&text, what);
	text_add(&text, " ");
	text_add(&text, fault->subject);
	text_add(&text, ": ");
	text_add(&text, strerrorname_np(fault->error));
	text_add(&text, "\n");
	(void)!write(2, line, text.length);
	return EXIT_LOST;
}

static void restore_terminal(void)
{
	if (attachment.raw)
		(void)tcsetattr(0, TCSANOW, &attachment.saved);
	attachment.raw = false;
}

static void make_raw(void)
{
	if (!attachment.options->terminal || tcgetattr(0, &attachment.saved) < 0)
		return;
	struct termios raw = attachment.saved;
	cfmakeraw(&raw);
	attachment.raw = tcsetattr(0, TCSANOW, &raw) == 0;
}

static int connect_to(const char *directory, struct fault *fault)
{
	/* By a relative name: the directory's path may be longer than an address can be. */
	struct sockaddr_un address = { .sun_family = AF_UNIX, .sun_path = ATTACH_SOCKET };
	if (chdir(directory) < 0)
		return fault_errno(fault, "chdir", directory);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return fault_errno(fault, "socket", ATTACH_SOCKET);
	while (connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0) {
		if (errno != EINTR)
			return fault_errno(fault, "connect", ATTACH_SOCKET);
	}
	return fd;
}

static bool write_all(int fd, const void *data, size_t length)
{
	const char *at = data;
	while (length > 0) {
		ssize_t wrote = write(fd, at, length);
		if (wrote < 0 && errno == EINTR)
			continue;
		if (wrote < 0 && errno == EAGAIN) {
			struct pollfd room = { .fd = fd, .events = POLLOUT };
			(void)poll(&room, 1, -1);
			continue;
		}
		if (wrote <= 0)
			return false;
		at += wrote;
		length -= (size_t)wrote;
	}
	return true;
}

static bool send_frame(enum frame_type type, const void *data, size_t length)
{
	uint8_t header[FRAME_HEADER];
	frame_header(header, type, length);
	return write_all(attachment.socket, header, sizeof(header)) && write_all(attachment.socket, data, length);
}

static void send_size(void)
{
	struct winsize size;
	if (!attachment.options->terminal || ioctl(0, TIOCGWINSZ, &size) < 0)
		return;
	const uint8_t payload[4] = {
		(uint8_t)(size.ws_row >> 8),
		(uint8_t)size.ws_row,
		(uint8_t)(size.ws_col >> 8),
		(uint8_t)size.ws_col,
	};
	(void)send_frame(FRAME_RESIZE, payload, sizeof(payload));
}

static void take_signals(void)
{
	struct signalfd_siginfo info;
	while (read(attachment.signals, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
		const uint8_t number = (uint8_t)info.ssi_signo;
		if (number == SIGWINCH)
			send_size();
		else
			(void)send_frame(FRAME_SIGNAL, &number, 1);
	}
}

/* Looks for Ctrl-P Ctrl-Q. Returns true to detach; `out` gets what is to be sent. */
static bool filter_keys(const uint8_t *keys, size_t length, uint8_t *out, size_t *out_length)
{
	for (size_t i = 0; i < length; i++) {
		if (attachment.detaching && keys[i] == CTRL_Q)
			return true;
		if (attachment.detaching)
			out[(*out_length)++] = CTRL_P;
		attachment.detaching = keys[i] == CTRL_P;
		if (!attachment.detaching)
			out[(*out_length)++] = keys[i];
	}
	return false;
}

/* Returns true to detach. */
static bool take_input(void)
{
	uint8_t keys[4096];
	uint8_t out[2 * sizeof(keys) + 1];
	size_t length = 0;
	ssize_t got = read(0, keys, sizeof(keys));
	if (got < 0 && (errno == EINTR || errno == EAGAIN))
		return false;
	if (got <= 0) {
		attachment.input = -1;
		(void)send_frame(FRAME_CLOSE, NULL, 0);
		return false;
	}
	if (!attachment.raw)
		return send_frame(FRAME_STDIN, keys, (size_t)got) && false;
	bool detach = filter_keys(keys, (size_t)got, out, &length);
	if (length > 0)
		(void)send_frame(FRAME_STDIN, out, length);
	return detach;
}

static int start_failed(int code)
{
	restore_terminal();
	if (attachment.options->on_failure != NULL) {
		signals_restore();
		execv(attachment.options->on_failure[0], attachment.options->on_failure);
	}
	return code;
}

/* Handles one frame; returns the exit status when it was the last, -1 otherwise. */
static int take_frame(enum frame_type type, const uint8_t *data, size_t length)
{
	switch (type) {
	case FRAME_STDOUT:
	case FRAME_STDERR:
		if (!write_all(type == FRAME_STDERR ? 2 : 1, data, length))
			return EXIT_LOST;
		return -1;
	case FRAME_EXIT:
		return length == 2 ? data[0] : EXIT_LOST;
	case FRAME_FAILED:
		return start_failed(length == 1 ? data[0] : 125);
	default:
		return -1;
	}
}

static int take_output(void)
{
	ssize_t got = recv(attachment.socket, attachment.buffer + attachment.received,
			   sizeof(attachment.buffer) - attachment.received, 0);
	if (got < 0 && errno == EINTR)
		return -1;
	if (got <= 0)
		return EXIT_LOST;
	attachment.received += (size_t)got;
	size_t at = 0;
	while (attachment.received - at >= FRAME_HEADER) {
		const uint8_t *header = attachment.buffer + at;
		long length = frame_length(header);
		if (length < 0)
			return EXIT_LOST;
		if (attachment.received - at < FRAME_HEADER + (size_t)length)
			break;
		int status = take_frame(header[0], header + FRAME_HEADER, (size_t)length);
		if (status >= 0)
			return status;
		at += FRAME_HEADER + (size_t)length;
	}
	attachment.received -= at;
	memmove(attachment.buffer, attachment.buffer + at, attachment.received);
	return -1;
}

static int watch_signals(struct fault *fault)
{
	static const int numbers[] = { SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2, SIGWINCH };
	sigset_t set;
	sigemptyset(&set);
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		sigaddset(&set, numbers[i]);
	attachment.signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (attachment.signals < 0)
		return fault_errno(fault, "signalfd", "signals");
	sigaddset(&set, SIGPIPE);
	sigprocmask(SIG_BLOCK, &set, NULL);
	return 0;
}

/* The kernel reports room while a quarter of the socket's buffer is used at most: far more than one frame is free. */
static bool has_room(void)
{
	struct pollfd room = { .fd = attachment.socket, .events = POLLOUT };
	return poll(&room, 1, 0) > 0 && (room.revents & POLLOUT) != 0;
}

static int copy(void)
{
	for (;;) {
		struct pollfd entries[4] = {
			{ .fd = attachment.socket, .events = POLLIN },
			{ .fd = attachment.signals, .events = POLLIN },
			{ .fd = attachment.blocked ? -1 : attachment.input, .events = POLLIN },
			{ .fd = attachment.blocked ? attachment.socket : -1, .events = POLLOUT },
		};
		if (poll(entries, 4, -1) < 0 && errno != EINTR)
			return EXIT_LOST;
		if (entries[1].revents != 0)
			take_signals();
		if (entries[3].revents != 0)
			attachment.blocked = false;
		else if (entries[2].revents != 0)
			attachment.blocked = !has_room();
		if (entries[2].revents != 0 && !attachment.blocked && take_input())
			return 0;
		int status = entries[0].revents != 0 ? take_output() : -1;
		if (status >= 0)
			return status;
	}
}

int attach_run(const struct attach_options *options)
{
	struct fault fault;
	attachment.options = options;
	attachment.input = options->stdin_open ? 0 : -1;
	attachment.socket = connect_to(options->directory, &fault);
	if (attachment.socket < 0 || watch_signals(&fault) < 0)
		return say("cannot attach to the container:", &fault);
	if (options->lossless)
		(void)send_frame(FRAME_LOSSLESS, NULL, 0);
	send_size();
	make_raw();
	int status = copy();
	restore_terminal();
	return status;
}
