/* The streaming mode: entries of a file system, read one after the other and written below a root. */
#ifndef CORTEN_STREAM_H
#define CORTEN_STREAM_H

#include "execution.h"

struct stream_entry {
	uint16_t kind;
	uint16_t flags;
	uint32_t mode;
	uint32_t uid;
	uint32_t gid;
	uint32_t major;
	uint32_t minor;
	int64_t seconds;
	uint32_t nanoseconds;
	uint32_t path_length;
	uint32_t text_length;
	uint32_t reserved;
	uint64_t data_length;
	uint64_t position;
};

struct stream {
	struct execution *x;
	/* Where entries come from, and the root they are written below. */
	int input;
	int root;
	/* Of the entry at hand. */
	int64_t number;
	struct stream_entry entry;
	char path[STREAM_MAX_PATH + 1];
	char text[STREAM_MAX_PATH + 1];
	/* Bytes of its data that were not read yet. */
	uint64_t left;
	/* What was read ahead. */
	size_t start;
	size_t end;
	char buffer[65536];
};

/* Both return 0, or a negative number with the failure filled. */
int stream_head(struct stream *stream);
/* The next entry, with its path and text checked; data that was left unread is an error of the caller's. */
int stream_next(struct stream *stream);

/*
 * Some of the entry's data, at least a byte: a pointer into the buffer that holds until the next call. Returns its
 * length; 0 at the data's end; a negative number with the failure filled.
 */
long stream_data(struct stream *stream, const char **bytes);

/* Writes the entry at hand below the root. Returns 0, or a negative number with the failure filled. */
int stream_apply(struct stream *stream);

/* Fills the failure with the number and the path of the entry. Returns -1. */
int stream_fail(struct stream *stream, long error, const char *what);
int stream_violate(struct stream *stream, const char *what);

#endif
