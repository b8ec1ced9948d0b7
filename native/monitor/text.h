/* Text put together in fixed buffers: printf and its locale tables would cost more memory than the monitor. */
#ifndef CORTEN_MONITOR_TEXT_H
#define CORTEN_MONITOR_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <time.h>

/* Bytes of an RFC 3339 time with nanoseconds: 2016-10-06T00:17:09.669794202Z. */
#define TIME_LENGTH 30

struct text {
	char *data;
	size_t length;
	size_t capacity;
};

/* Each appends what fits, and cuts the rest. */
void text_add(struct text *text, const char *string);
void text_add_bytes(struct text *text, const void *bytes, size_t length);
void text_add_number(struct text *text, unsigned long long number, unsigned int width);

/* Writes exactly TIME_LENGTH bytes, UTC, no terminator. */
void text_time(char out[TIME_LENGTH], const struct timespec *time);

/* Reads a decimal number that fills all of `string`; false when it is anything else. */
bool text_number(const char *string, unsigned long long *number);

#endif
