/*
 * The container's log, in the format of Kubernetes (CRI logging): one line an entry,
 *
 *   2016-10-06T00:17:09.669794202Z stdout F a whole line, or the end of one
 *   2016-10-06T00:17:09.669794202Z stdout P a part of a line that goes on in the next entry of its stream
 *
 * A part is written as soon as it is read, so a prompt without a line end is in the log at once and nothing is kept
 * in memory. When the file would grow beyond its limit it becomes NAME.1, in place of an older one.
 */
#ifndef CORTEN_MONITOR_LOG_H
#define CORTEN_MONITOR_LOG_H

#include "fault.h"

#include <stdbool.h>
#include <stddef.h>

struct log {
	/* -1: there is none. */
	int fd;
	const char *path;
	unsigned long long limit;
	unsigned long long size;
};

/* Opens the log for appending, making it (0600) where missing. A NULL path gives a log that swallows everything. */
int log_open(struct log *log, const char *path, unsigned long long limit, struct fault *fault);

/* Appends what a stream wrote. A full disk loses entries; it never stops the container. */
void log_write(struct log *log, bool is_error, const char *data, size_t length);

#endif
