/*
 * What is spoken on attach.sock, a stream socket in the container's 0700 directory (mode 0600; the peer must have
 * the monitor's own user id).
 *
 * Both sides send frames: one byte of type, three bytes of zero, the payload's length as a 32-bit big-endian
 * number (at most FRAME_MAX), the payload.
 *
 *   client to monitor                             monitor to client
 *   0 STDIN     bytes for the container           16 HELLO   version 1, terminal 0|1, stdin 0|1
 *   1 CLOSE     stdin ends (pipes only)           17 STDOUT  bytes
 *   2 RESIZE    rows, columns: two 16-bit BE      18 STDERR  bytes
 *   3 SIGNAL    one byte: sent to the first       19 EXIT    exit code, signal: one byte each; the last frame
 *               process                           20 FAILED  the executor's exit code: the container did not start
 *   4 LOSSLESS  this client is never dropped
 *
 * HELLO comes first. Output begins with what the container writes after the client was accepted. A client that
 * does not read has CLIENT_BUFFER bytes kept for it and is then closed, with no EXIT frame; one that sent
 * LOSSLESS instead holds the container's output up, as a full pipe would. A malformed frame closes the client.
 * When the monitor closes the connection without EXIT, the client was dropped or the monitor was killed.
 */
#ifndef CORTEN_MONITOR_PROTOCOL_H
#define CORTEN_MONITOR_PROTOCOL_H

#include <stddef.h>
#include <stdint.h>

#define ATTACH_SOCKET "attach.sock"
#define CONSOLE_SOCKET "console.sock"
/* "PID STARTTIME\n" of the keeper, while it lives. */
#define IDENTITY_FILE "monitor"
#define PROTOCOL_VERSION 1
#define FRAME_HEADER 8
#define FRAME_MAX 16384

enum frame_type {
	FRAME_STDIN = 0,
	FRAME_CLOSE = 1,
	FRAME_RESIZE = 2,
	FRAME_SIGNAL = 3,
	FRAME_LOSSLESS = 4,
	FRAME_HELLO = 16,
	FRAME_STDOUT = 17,
	FRAME_STDERR = 18,
	FRAME_EXIT = 19,
	FRAME_FAILED = 20,
};

static inline void frame_header(uint8_t out[FRAME_HEADER], enum frame_type type, size_t length)
{
	out[0] = (uint8_t)type;
	out[1] = out[2] = out[3] = 0;
	out[4] = (uint8_t)(length >> 24);
	out[5] = (uint8_t)(length >> 16);
	out[6] = (uint8_t)(length >> 8);
	out[7] = (uint8_t)length;
}

/* The payload's length, or -1 for a header that is malformed. */
static inline long frame_length(const uint8_t header[FRAME_HEADER])
{
	uint32_t length = (uint32_t)header[4] << 24 | (uint32_t)header[5] << 16 | (uint32_t)header[6] << 8 | header[7];
	if (header[1] != 0 || header[2] != 0 || header[3] != 0 || length > FRAME_MAX)
		return -1;
	return (long)length;
}

#endif
