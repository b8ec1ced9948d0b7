/* Reading a stream. It comes from whoever unpacks an image: every length is checked before it is believed. */
#include "stream.h"

#include "../common/memory.h"
#include "operations.h"

_Static_assert(sizeof(struct stream_entry) == STREAM_ENTRY_SIZE, "entry");

int stream_fail(struct stream *stream, long error, const char *what)
{
	return fail(stream->x, error, "entry %l of the stream: %s(%q)", stream->number, what, stream->path);
}

int stream_violate(struct stream *stream, const char *what)
{
	return violate(stream->x, "entry %l of the stream: %s: %q", stream->number, what, stream->path);
}

/* Reads ahead; 0: there is nothing more. */
static long refill(struct stream *stream)
{
	long got = k_read(stream->input, stream->buffer, sizeof(stream->buffer));
	if (got < 0)
		return fail(stream->x, got, "read(stream)");
	stream->start = 0;
	stream->end = (size_t)got;
	return got;
}

static int read_exactly(struct stream *stream, void *out, size_t length)
{
	char *to = out;
	while (length > 0) {
		if (stream->start == stream->end) {
			long got = refill(stream);
			if (got < 0)
				return -1;
			if (got == 0)
				return stream_violate(stream, "the stream ends too early");
		}
		size_t some = stream->end - stream->start;
		if (some > length)
			some = length;
		memcpy(to, stream->buffer + stream->start, some);
		stream->start += some;
		to += some;
		length -= some;
	}
	return 0;
}

long stream_data(struct stream *stream, const char **bytes)
{
	if (stream->left == 0)
		return 0;
	if (stream->start == stream->end) {
		long got = refill(stream);
		if (got < 0)
			return -1;
		if (got == 0)
			return stream_violate(stream, "the stream ends too early");
	}
	size_t some = stream->end - stream->start;
	if (some > stream->left)
		some = (size_t)stream->left;
	*bytes = stream->buffer + stream->start;
	stream->start += some;
	stream->left -= some;
	return (long)some;
}

int stream_head(struct stream *stream)
{
	struct {
		char magic[8];
		uint32_t version;
		uint32_t reserved;
	} head;
	if (read_exactly(stream, &head, sizeof(head)) < 0)
		return -1;
	if (memcmp(head.magic, STREAM_MAGIC, sizeof(head.magic)) != 0 || head.version != STREAM_VERSION || head.reserved)
		return stream_violate(stream, "not a stream of this version");
	return 0;
}

static int read_text(struct stream *stream, char *out, uint32_t length)
{
	out[0] = '\0';
	if (length > STREAM_MAX_PATH)
		return stream_violate(stream, "a path is too long");
	if (read_exactly(stream, out, length) < 0)
		return -1;
	out[length] = '\0';
	return memchr(out, '\0', length) ? stream_violate(stream, "a path holds a NUL byte") : 0;
}

/* "..": nobody who writes a tree from its top has a use for it. */
static bool climbs(const char *path)
{
	for (const char *at = path; *at;) {
		if (at[0] == '.' && at[1] == '.' && (at[2] == '/' || at[2] == '\0'))
			return true;
		while (*at && *at != '/')
			at++;
		while (*at == '/')
			at++;
	}
	return false;
}

int stream_next(struct stream *stream)
{
	struct stream_entry *entry = &stream->entry;
	stream->number++;
	stream->path[0] = '\0';
	if (read_exactly(stream, entry, sizeof(*entry)) < 0 || read_text(stream, stream->path, entry->path_length) < 0 ||
	    read_text(stream, stream->text, entry->text_length) < 0)
		return -1;
	stream->left = entry->data_length;
	const unsigned flags = STREAM_SETS_OWNER | STREAM_SETS_MODE | STREAM_SETS_TIME;
	if (entry->reserved || entry->position > INT64_MAX || (entry->flags & ~flags) || entry->mode > 07777 ||
	    entry->nanoseconds > 999999999 || entry->data_length > INT64_MAX)
		return stream_violate(stream, "a field is out of range");
	bool has_data = entry->kind == STREAM_FILE || entry->kind == STREAM_EXTENT || entry->kind == STREAM_ATTRIBUTE;
	if (!has_data && entry->data_length > 0)
		return stream_violate(stream, "an entry of this kind has no data");
	if (climbs(stream->path) || (entry->kind == STREAM_HARD_LINK && climbs(stream->text)))
		return stream_violate(stream, "a path holds \"..\"");
	return 0;
}

int op_apply_stream(struct execution *x)
{
	static struct stream stream;
	stream.x = x;
	stream.input = 0;
	stream.root = in_field(x, APPLY_STREAM_ROOT);
	stream.number = 0;
	stream.start = 0;
	stream.end = 0;
	if (stream_head(&stream) < 0)
		return -1;
	for (;;) {
		if (stream_next(&stream) < 0)
			return -1;
		if (stream.entry.kind == STREAM_END)
			return 0;
		if (stream_apply(&stream) < 0)
			return -1;
	}
}

int op_exit(struct execution *x)
{
	if (!x->is_child)
		return fail_as(x, FAILED_PROTOCOL, 0, "only the container's section exits");
	k_exit((int)int_field(x, EXIT_CODE));
}
