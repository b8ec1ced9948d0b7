#define _GNU_SOURCE
#include "serve.h"

#include "clients.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/* Clients are read only while less than one frame waits for stdin; each may then bring one buffer more. */
#define STDIN_BUFFER ((MAX_CLIENTS + 2) * (FRAME_MAX + FRAME_HEADER))
/* After the container's end, clients that are not lossless get so long to take the rest. */
#define LINGER_MS 2000

enum slot { SLOT_LISTENER, SLOT_CONTROL, SLOT_OUTPUT, SLOT_ERROR, SLOT_INPUT, SLOT_PROCESS, SLOT_CLIENTS };

static char chunk[FRAME_MAX];
static uint8_t input[STDIN_BUFFER];
static size_t input_length;
static bool input_closing;
static bool ended;
static uint8_t exit_payload[2];
static bool exit_known;
static bool recorded;

static void tell_keeper(const struct service *service, enum control_message message)
{
	const char byte = (char)message;
	if (service->control >= 0)
		(void)send(service->control, &byte, 1, MSG_NOSIGNAL);
}

static void close_input(struct service *service)
{
	if (service->streams.input < 0 || service->streams.terminal >= 0)
		return;
	close(service->streams.input);
	service->streams.input = -1;
	input_length = 0;
	tell_keeper(service, CONTROL_CLOSE_STDIN);
}

static void write_input(struct service *service)
{
	while (input_length > 0) {
		ssize_t wrote = write(service->streams.input, input, input_length);
		if (wrote < 0 && errno == EINTR)
			continue;
		if (wrote < 0 && errno == EAGAIN)
			return;
		if (wrote <= 0) {
			/* Nobody reads it any more. */
			close_input(service);
			input_length = 0;
			return;
		}
		input_length -= (size_t)wrote;
		memmove(input, input + wrote, input_length);
	}
	if (input_closing)
		close_input(service);
}

static bool take_input(struct service *service, const struct frame *frame)
{
	if (service->streams.input < 0 || input_closing || ended)
		return true;
	if (frame->length > sizeof(input) - input_length)
		return false;
	memcpy(input + input_length, frame->data, frame->length);
	input_length += frame->length;
	write_input(service);
	return true;
}

static bool resize(const struct service *service, const struct frame *frame)
{
	if (frame->length != 4)
		return false;
	const struct winsize size = {
		.ws_row = (unsigned short)(frame->data[0] << 8 | frame->data[1]),
		.ws_col = (unsigned short)(frame->data[2] << 8 | frame->data[3]),
	};
	if (service->streams.terminal >= 0)
		(void)ioctl(service->streams.terminal, TIOCSWINSZ, &size);
	return true;
}

static bool handle_frame(void *context, const struct frame *frame)
{
	struct service *service = context;
	switch (frame->type) {
	case FRAME_STDIN:
		return take_input(service, frame);
	case FRAME_CLOSE:
		input_closing = service->streams.terminal < 0;
		if (service->streams.input >= 0)
			write_input(service);
		return frame->length == 0;
	case FRAME_RESIZE:
		return resize(service, frame);
	case FRAME_SIGNAL:
		if (frame->length != 1 || frame->data[0] == 0)
			return false;
		if (service->process >= 0)
			(void)syscall(SYS_pidfd_send_signal, service->process, (int)frame->data[0], NULL, 0);
		return true;
	default:
		return false;
	}
}

/* Passes on one chunk. False when there is nothing more now. */
static bool copy_output(struct service *service, int *fd, bool is_error)
{
	ssize_t got = read(*fd, chunk, sizeof(chunk));
	if (got < 0 && errno == EINTR)
		return true;
	if (got < 0 && errno == EAGAIN)
		return false;
	if (got <= 0) {
		/* A pipe ends with 0, a terminal with EIO: but a program may open its slave again while the container lives. */
		if (service->streams.terminal < 0 || ended) {
			if (service->streams.terminal < 0)
				close(*fd);
			*fd = -1;
		} else {
			const struct timespec pause = { .tv_nsec = 20000000 };
			nanosleep(&pause, NULL);
		}
		return false;
	}
	log_write(&service->log, is_error, chunk, (size_t)got);
	clients_send(is_error ? FRAME_STDERR : FRAME_STDOUT, chunk, (size_t)got);
	return true;
}

static void take_control(struct service *service)
{
	uint8_t message[3];
	ssize_t got = recv(service->control, message, sizeof(message), MSG_DONTWAIT);
	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (got == 3 && message[0] == CONTROL_ENDED) {
		ended = exit_known = true;
		exit_payload[0] = message[1];
		exit_payload[1] = message[2];
		return;
	}
	if (got == 1 && message[0] == CONTROL_RECORDED) {
		recorded = true;
		return;
	}
	/* The keeper is gone: how the container ends will not be known, only that it did. */
	close(service->control);
	service->control = -1;
}

static void set_slot(struct pollfd *entry, int fd, short events)
{
	entry->fd = events != 0 ? fd : -1;
	entry->events = events;
	entry->revents = 0;
}

static void serve_once(struct service *service, int timeout)
{
	struct pollfd entries[SLOT_CLIENTS + MAX_CLIENTS];
	const struct streams *streams = &service->streams;
	bool full = clients_full();
	set_slot(&entries[SLOT_LISTENER], service->listener, POLLIN);
	set_slot(&entries[SLOT_CONTROL], service->control, POLLIN);
	set_slot(&entries[SLOT_OUTPUT], streams->output, full ? 0 : POLLIN);
	set_slot(&entries[SLOT_ERROR], streams->error, full ? 0 : POLLIN);
	set_slot(&entries[SLOT_INPUT], streams->input, input_length > 0 ? POLLOUT : 0);
	set_slot(&entries[SLOT_PROCESS], service->control < 0 ? service->process : -1, POLLIN);
	unsigned int count = clients_poll(entries + SLOT_CLIENTS, input_length < FRAME_MAX);

	if (poll(entries, SLOT_CLIENTS + count, timeout) <= 0)
		return;
	/* Before the output, so that who was waiting for the start misses nothing. */
	if (entries[SLOT_LISTENER].revents != 0) {
		int fd = socket_accept(service->listener);
		if (fd >= 0)
			clients_add(fd, streams->terminal >= 0, streams->input >= 0);
	}
	clients_handle(entries + SLOT_CLIENTS, count, handle_frame, service);
	if (entries[SLOT_INPUT].revents != 0 && service->streams.input >= 0)
		write_input(service);
	if (entries[SLOT_OUTPUT].revents != 0)
		(void)copy_output(service, &service->streams.output, false);
	if (entries[SLOT_ERROR].revents != 0)
		(void)copy_output(service, &service->streams.error, true);
	if (entries[SLOT_CONTROL].revents != 0)
		take_control(service);
	if (entries[SLOT_PROCESS].revents != 0)
		ended = true;
}

static long long now_ms(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (long long)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void flush_clients(struct service *service)
{
	struct pollfd entries[MAX_CLIENTS];
	unsigned int count = clients_poll(entries, false);
	if (poll(entries, count, 50) > 0)
		clients_handle(entries, count, handle_frame, service);
}

/* Who is told of the end may look at once: by then it has to stand in the record. A keeper that died ends the wait. */
static void await_record(struct service *service)
{
	long long deadline = now_ms() + LINGER_MS;
	while (!recorded && service->control >= 0 && now_ms() < deadline) {
		struct pollfd control = { .fd = service->control, .events = POLLIN };
		if (poll(&control, 1, 50) > 0)
			take_control(service);
	}
}

/*
 * The container's last words. All that is in the pipes goes to the log; a lossless client gets it however long it
 * takes to read (`corten run … | less`), any other as far as it reads it soon.
 */
static void drain(struct service *service)
{
	struct streams *streams = &service->streams;
	bool more = true;
	while (more) {
		while (clients_full())
			flush_clients(service);
		more = streams->output >= 0 && copy_output(service, &streams->output, false);
		while (clients_full())
			flush_clients(service);
		more = (streams->error >= 0 && copy_output(service, &streams->error, true)) || more;
	}
	tell_keeper(service, CONTROL_DRAINED);
	await_record(service);
	if (exit_known)
		clients_send(FRAME_EXIT, exit_payload, sizeof(exit_payload));
	long long deadline = now_ms() + LINGER_MS;
	while (clients_pending(now_ms() >= deadline))
		flush_clients(service);
	clients_close();
}

void serve(struct service *service)
{
	while (!ended)
		serve_once(service, -1);
	drain(service);
}
