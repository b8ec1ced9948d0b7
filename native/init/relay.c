#include "relay.h"

#include "terminal.h"

/* How often a pty without a holder is looked at again. */
#define HUNG_UP_PAUSE 100000000L
/* A process that outlived the first one may hold the slave for ever: no byte for so long, and draining ends. */
#define DRAIN_PAUSE 200000000L
/* A pipe with room for less is not reported as writable. */
#define SAFE_WRITE 4096

enum { INPUT, OUTPUT, MASTER };

/*
 * Terminals and pipes are opened a second time, not to block: O_NONBLOCK on the descriptor itself would also
 * be the shell's, which shares it.
 */
static int open_unblocking(int fd, bool *owned)
{
	struct statx status;
	*owned = false;
	if (k_statx(fd, "", AT_EMPTY_PATH, STATX_TYPE, &status) < 0)
		return fd;
	if (!S_ISFIFO(status.stx_mode) && !is_terminal(fd))
		return fd;
	char path[32];
	struct format out = format_start(path, sizeof(path));
	format_print(&out, "/proc/self/fd/%d", fd);
	int own = k_openat(AT_FDCWD, path, O_WRONLY | O_NONBLOCK | O_NOCTTY, 0);
	*owned = own >= 0;
	return own >= 0 ? own : fd;
}

void relay_start(struct relay *relay, int master)
{
	static struct relay_buffer buffers[2];
	*relay = (struct relay){ .master = master, .input = 0, .last_input = '\n' };
	relay->to_container = &buffers[0];
	relay->from_container = &buffers[1];
	relay->output = open_unblocking(1, &relay->output_owned);
	k_fcntl(master, F_SETFL, O_RDWR | O_NONBLOCK);
}

void relay_end(struct relay *relay)
{
	if (relay->output_owned)
		k_close(relay->output);
	relay->output_owned = false;
}

static bool is_empty(const struct relay_buffer *buffer)
{
	return buffer->start == buffer->end;
}

/* Reads into an empty buffer. Returns read's result. */
static long fill(struct relay_buffer *buffer, int fd)
{
	long length = k_read(fd, buffer->bytes, sizeof(buffer->bytes));
	buffer->start = 0;
	buffer->end = length > 0 ? (size_t)length : 0;
	return length;
}

/* Writes what the buffer holds, as far as `fd` takes it. Returns 0, or an error that is not EAGAIN. */
static int flush(struct relay_buffer *buffer, int fd, bool once)
{
	while (!is_empty(buffer)) {
		size_t length = buffer->end - buffer->start;
		if (once && length > SAFE_WRITE)
			length = SAFE_WRITE;
		long written = k_write(fd, buffer->bytes + buffer->start, length);
		if (written == -EAGAIN)
			return 0;
		if (written < 0)
			return (int)written;
		buffer->start += (size_t)written;
		if (once)
			return 0;
	}
	return 0;
}

const struct __kernel_timespec *relay_watch(struct relay *relay, struct pollfd *watched,
                                            struct __kernel_timespec *pause)
{
	bool idle = false;
	watched[INPUT] = (struct pollfd){ .fd = -1 };
	if (!relay->input_ended && is_empty(relay->to_container)) {
		/* In the background a read would fail; the terminal is looked at again a little later. */
		if (in_foreground(relay->input))
			watched[INPUT] = (struct pollfd){ .fd = relay->input, .events = POLLIN };
		else
			idle = true;
	}
	watched[OUTPUT] = (struct pollfd){ .fd = -1 };
	if (!is_empty(relay->from_container))
		watched[OUTPUT] = (struct pollfd){ .fd = relay->output, .events = POLLOUT };
	watched[MASTER] = (struct pollfd){ .fd = -1 };
	if (relay->hung_up) {
		idle = true;
	} else {
		short events = is_empty(relay->from_container) ? POLLIN : 0;
		if (!is_empty(relay->to_container))
			events |= POLLOUT;
		/* With no event wanted a hang-up would still be reported, without end. */
		if (events)
			watched[MASTER] = (struct pollfd){ .fd = relay->master, .events = events };
	}
	*pause = (struct __kernel_timespec){ .tv_nsec = HUNG_UP_PAUSE };
	return idle ? pause : NULL;
}

/* The end of stdin becomes the byte that ends a line discipline's input; after a partial line it takes two. */
static void end_input(struct relay *relay)
{
	relay->input_ended = true;
	char byte = end_of_file_byte(relay->master);
	struct relay_buffer *buffer = relay->to_container;
	buffer->start = 0;
	buffer->end = 0;
	buffer->bytes[buffer->end++] = byte;
	if (relay->last_input != '\n')
		buffer->bytes[buffer->end++] = byte;
}

static void copy_in(struct relay *relay)
{
	long length = fill(relay->to_container, relay->input);
	if (length == -EAGAIN)
		return;
	if (length > 0) {
		relay->last_input = relay->to_container->bytes[length - 1];
		return;
	}
	/* A terminal that hung up says so by a signal as well; its end is no end of file to pass on. */
	if (length < 0)
		relay->input_ended = true;
	else
		end_input(relay);
}

static void write_out(struct relay *relay)
{
	if (!relay->output_broken && flush(relay->from_container, relay->output, !relay->output_owned) < 0)
		relay->output_broken = true;
	if (relay->output_broken)
		relay->from_container->start = relay->from_container->end;
}

/* Returns read's result. */
static long copy_out(struct relay *relay)
{
	long length = fill(relay->from_container, relay->master);
	relay->hung_up = length == -EIO || length == 0;
	return length;
}

void relay_run(struct relay *relay, const struct pollfd *watched)
{
	if (watched[OUTPUT].revents)
		write_out(relay);
	if (is_empty(relay->from_container) && (watched[MASTER].revents & (POLLIN | POLLHUP) || relay->hung_up))
		copy_out(relay);
	if (watched[INPUT].revents)
		copy_in(relay);
	if (!is_empty(relay->to_container) && flush(relay->to_container, relay->master, false) < 0)
		relay->to_container->start = relay->to_container->end;
}

void relay_drain(struct relay *relay)
{
	for (;;) {
		struct pollfd watched = { .fd = relay->master, .events = POLLIN };
		if (!is_empty(relay->from_container))
			watched = (struct pollfd){ .fd = relay->output, .events = POLLOUT };
		const struct __kernel_timespec pause = { .tv_nsec = DRAIN_PAUSE };
		/* Output that is not taken is waited for, as the container would have waited. */
		int ready = k_poll(&watched, 1, is_empty(relay->from_container) ? &pause : NULL);
		if (ready <= 0)
			return;
		if (!is_empty(relay->from_container))
			write_out(relay);
		else if (copy_out(relay) <= 0)
			return;
	}
}
