#define _GNU_SOURCE
#include "clients.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* In the program's zeroed memory: the kernel gives pages to those parts only that are used. */
struct client {
	bool used;
	bool lossless;
	/* It has shut its side down; it still gets output. */
	bool ended;
	int fd;
	size_t out_start;
	size_t out_length;
	size_t in_length;
	uint8_t in[FRAME_HEADER + FRAME_MAX];
	uint8_t out[CLIENT_BUFFER];
};

static struct client clients[MAX_CLIENTS];

static void drop(struct client *client)
{
	close(client->fd);
	client->used = false;
}

static void flush(struct client *client)
{
	while (client->out_length > 0) {
		ssize_t sent = send(client->fd, client->out + client->out_start, client->out_length,
				    MSG_NOSIGNAL | MSG_DONTWAIT);
		if (sent < 0 && errno == EINTR)
			continue;
		if (sent < 0 && errno == EAGAIN)
			return;
		if (sent <= 0) {
			drop(client);
			return;
		}
		client->out_start += (size_t)sent;
		client->out_length -= (size_t)sent;
	}
	client->out_start = 0;
}

static void queue(struct client *client, enum frame_type type, const void *data, size_t length)
{
	if (client->out_length + FRAME_HEADER + length > CLIENT_BUFFER) {
		drop(client);
		return;
	}
	if (client->out_start + client->out_length + FRAME_HEADER + length > CLIENT_BUFFER) {
		memmove(client->out, client->out + client->out_start, client->out_length);
		client->out_start = 0;
	}
	uint8_t *end = client->out + client->out_start + client->out_length;
	frame_header(end, type, length);
	if (length > 0)
		memcpy(end + FRAME_HEADER, data, length);
	client->out_length += FRAME_HEADER + length;
	flush(client);
}

void clients_add(int fd, bool terminal, bool stdin_open)
{
	for (unsigned int i = 0; i < MAX_CLIENTS; i++) {
		struct client *client = &clients[i];
		if (client->used)
			continue;
		client->used = true;
		client->lossless = client->ended = false;
		client->fd = fd;
		client->out_start = client->out_length = client->in_length = 0;
		const uint8_t hello[3] = { PROTOCOL_VERSION, terminal, stdin_open };
		queue(client, FRAME_HELLO, hello, sizeof(hello));
		return;
	}
	close(fd);
}

void clients_send(enum frame_type type, const void *data, size_t length)
{
	for (unsigned int i = 0; i < MAX_CLIENTS; i++) {
		if (clients[i].used)
			queue(&clients[i], type, data, length);
	}
}

bool clients_full(void)
{
	for (unsigned int i = 0; i < MAX_CLIENTS; i++) {
		const struct client *client = &clients[i];
		/* One frame of output and the EXIT frame must fit. */
		if (client->used && client->lossless &&
		    client->out_length + 2 * (FRAME_HEADER + FRAME_MAX) > CLIENT_BUFFER)
			return true;
	}
	return false;
}

bool clients_pending(bool lossless_only)
{
	for (unsigned int i = 0; i < MAX_CLIENTS; i++) {
		const struct client *client = &clients[i];
		if (client->used && client->out_length > 0 && (client->lossless || !lossless_only))
			return true;
	}
	return false;
}

unsigned int clients_poll(struct pollfd *entries, bool readable)
{
	unsigned int count = 0;
	for (unsigned int i = 0; i < MAX_CLIENTS; i++) {
		const struct client *client = &clients[i];
		if (!client->used)
			continue;
		entries[count].fd = client->fd;
		entries[count].events =
			(short)((readable && !client->ended ? POLLIN : 0) | (client->out_length > 0 ? POLLOUT : 0));
		entries[count].revents = 0;
		count++;
	}
	return count;
}

/* Takes whole frames off the front of the input. False when the client is to be closed. */
static bool take_frames(struct client *client, frame_handler handler, void *context)
{
	size_t at = 0;
	while (client->in_length - at >= FRAME_HEADER) {
		const uint8_t *header = client->in + at;
		long length = frame_length(header);
		if (length < 0)
			return false;
		if (client->in_length - at < FRAME_HEADER + (size_t)length)
			break;
		const struct frame frame = { header[0], header + FRAME_HEADER, (size_t)length };
		if (frame.type == FRAME_LOSSLESS)
			client->lossless = true;
		else if (!handler(context, &frame))
			return false;
		at += FRAME_HEADER + (size_t)length;
	}
	client->in_length -= at;
	memmove(client->in, client->in + at, client->in_length);
	return true;
}

static void receive(struct client *client, frame_handler handler, void *context)
{
	ssize_t got = recv(client->fd, client->in + client->in_length, sizeof(client->in) - client->in_length,
			   MSG_DONTWAIT);
	if (got < 0 && (errno == EINTR || errno == EAGAIN))
		return;
	if (got < 0) {
		drop(client);
		return;
	}
	client->ended = got == 0;
	client->in_length += (size_t)got;
	if (!take_frames(client, handler, context))
		drop(client);
}

static struct client *find(int fd)
{
	for (unsigned int i = 0; i < MAX_CLIENTS; i++) {
		if (clients[i].used && clients[i].fd == fd)
			return &clients[i];
	}
	return NULL;
}

void clients_handle(const struct pollfd *entries, unsigned int count, frame_handler handler, void *context)
{
	for (unsigned int i = 0; i < count; i++) {
		if (entries[i].revents == 0)
			continue;
		/* A client may have been dropped since poll returned. */
		struct client *client = find(entries[i].fd);
		if (client != NULL && (entries[i].revents & POLLOUT) != 0)
			flush(client);
		if (client == NULL || !client->used)
			continue;
		if ((entries[i].revents & POLLIN) != 0)
			receive(client, handler, context);
		else if ((entries[i].revents & (POLLHUP | POLLERR)) != 0)
			drop(client);
	}
}

void clients_close(void)
{
	for (unsigned int i = 0; i < MAX_CLIENTS; i++) {
		if (clients[i].used)
			drop(&clients[i]);
	}
}
