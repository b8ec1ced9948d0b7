/* Text put together in a buffer of fixed size. What does not fit is cut; the result is always terminated. */
#ifndef CORTEN_FORMAT_H
#define CORTEN_FORMAT_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct format {
	char *data;
	size_t capacity;
	size_t length;
	/* Writes the description of a descriptor; NULL: the number alone. */
	void (*describe)(struct format *out, int fd, const void *context);
	const void *context;
};

/* Starts an empty text in `data`, which holds `capacity` (at least 1) bytes. */
struct format format_start(char *data, size_t capacity);

void format_bytes(struct format *out, const char *bytes, size_t length);
void format_text(struct format *out, const char *text);
void format_number(struct format *out, int64_t value);
/* Zero-padded to `width` digits. */
void format_unsigned(struct format *out, uint64_t value, unsigned base, unsigned width);

/*
 * %s text, %q text in quotes with control bytes escaped, %d int, %l int64_t, %o unsigned in octal, %x uint64_t in
 * hexadecimal, %f descriptor, %%.
 */
void format_arguments(struct format *out, const char *pattern, va_list arguments);
void format_print(struct format *out, const char *pattern, ...);

/* Of a NUL-terminated text. */
size_t text_length(const char *text);
bool text_equal(const char *left, const char *right);
bool text_starts(const char *text, const char *prefix);
/* The first `byte` in the text, or NULL. */
const char *text_find(const char *text, char byte);

/* Reads decimal digits from the start of `text`; returns the first byte after them, NULL when there is none. */
const char *parse_unsigned(const char *text, uint64_t *value);

#endif
