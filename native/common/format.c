#include "format.h"

struct format format_start(char *data, size_t capacity)
{
	data[0] = '\0';
	return (struct format){ .data = data, .capacity = capacity };
}

void format_bytes(struct format *out, const char *bytes, size_t length)
{
	size_t room = out->capacity - 1 - out->length;
	if (length > room)
		length = room;
	for (size_t i = 0; i < length; i++)
		out->data[out->length + i] = bytes[i];
	out->length += length;
	out->data[out->length] = '\0';
}

void format_text(struct format *out, const char *text)
{
	format_bytes(out, text, text_length(text));
}

void format_unsigned(struct format *out, uint64_t value, unsigned base, unsigned width)
{
	char digits[66];
	size_t at = sizeof(digits);
	do {
		digits[--at] = "0123456789abcdef"[value % base];
		value /= base;
	} while (value > 0);
	while (sizeof(digits) - at < width && at > 0)
		digits[--at] = '0';
	format_bytes(out, digits + at, sizeof(digits) - at);
}

void format_number(struct format *out, int64_t value)
{
	if (value < 0)
		format_text(out, "-");
	format_unsigned(out, value < 0 ? 0 - (uint64_t)value : (uint64_t)value, 10, 0);
}

/* A path from an image may hold anything: control bytes never reach the reader's terminal. */
static void format_quoted(struct format *out, const char *text)
{
	format_text(out, "\"");
	for (; *text; text++) {
		unsigned char byte = (unsigned char)*text;
		if (byte < 0x20 || byte == 0x7f) {
			format_text(out, "\\x");
			format_unsigned(out, byte, 16, 2);
		} else {
			if (byte == '"' || byte == '\\')
				format_text(out, "\\");
			format_bytes(out, text, 1);
		}
	}
	format_text(out, "\"");
}

static void format_descriptor(struct format *out, int fd)
{
	if (out->describe)
		out->describe(out, fd, out->context);
	else
		format_number(out, fd);
}

void format_arguments(struct format *out, const char *pattern, va_list arguments)
{
	for (; *pattern; pattern++) {
		if (*pattern != '%') {
			format_bytes(out, pattern, 1);
			continue;
		}
		switch (*++pattern) {
		case 's':
			format_text(out, va_arg(arguments, const char *));
			break;
		case 'q':
			format_quoted(out, va_arg(arguments, const char *));
			break;
		case 'd':
			format_number(out, va_arg(arguments, int));
			break;
		case 'l':
			format_number(out, va_arg(arguments, int64_t));
			break;
		case 'o':
			format_text(out, "0");
			format_unsigned(out, va_arg(arguments, unsigned), 8, 0);
			break;
		case 'x':
			format_text(out, "0x");
			format_unsigned(out, va_arg(arguments, uint64_t), 16, 0);
			break;
		case 'f':
			format_descriptor(out, va_arg(arguments, int));
			break;
		default:
			format_bytes(out, pattern, 1);
		}
	}
}

void format_print(struct format *out, const char *pattern, ...)
{
	va_list arguments;
	va_start(arguments, pattern);
	format_arguments(out, pattern, arguments);
	va_end(arguments);
}

size_t text_length(const char *text)
{
	size_t length = 0;
	while (text[length])
		length++;
	return length;
}

bool text_equal(const char *left, const char *right)
{
	while (*left && *left == *right) {
		left++;
		right++;
	}
	return *left == *right;
}

bool text_starts(const char *text, const char *prefix)
{
	while (*prefix) {
		if (*text++ != *prefix++)
			return false;
	}
	return true;
}

const char *text_find(const char *text, char byte)
{
	for (; *text; text++) {
		if (*text == byte)
			return text;
	}
	return NULL;
}

const char *parse_unsigned(const char *text, uint64_t *value)
{
	const char *at = text;
	uint64_t sum = 0;
	for (; *at >= '0' && *at <= '9'; at++) {
		if (sum > (UINT64_MAX - 9) / 10)
			return NULL;
		sum = sum * 10 + (uint64_t)(*at - '0');
	}
	if (at == text)
		return NULL;
	*value = sum;
	return at;
}
