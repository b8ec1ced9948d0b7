#define _GNU_SOURCE
#include "log.h"

#include "text.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Time, stream name, tag and three spaces. */
#define PREFIX_LENGTH (TIME_LENGTH + 10)

static char pending[16384];
static size_t pending_length;

static int open_file(const char *path)
{
	return open(path, O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
}

int log_open(struct log *log, const char *path, unsigned long long limit, struct fault *fault)
{
	log->fd = -1;
	log->path = path;
	log->limit = limit;
	log->size = 0;
	if (path == NULL)
		return 0;
	int fd = open_file(path);
	if (fd < 0)
		return fault_errno(fault, "open", path);
	struct stat status;
	if (fstat(fd, &status) == 0)
		log->size = (unsigned long long)status.st_size;
	log->fd = fd;
	return 0;
}

static void rotate(struct log *log)
{
	char old[PATH_MAX];
	struct text name = { .data = old, .capacity = sizeof(old) - 1 };
	text_add(&name, log->path);
	text_add(&name, ".1");
	old[name.length] = '\0';
	if (rename(log->path, old) < 0)
		return;
	int fd = open_file(log->path);
	if (fd < 0) {
		/* The old file goes on under its new name: rather a long log than none. */
		log->size = 0;
		return;
	}
	close(log->fd);
	log->fd = fd;
	log->size = 0;
}

static void flush(struct log *log)
{
	size_t done = 0;
	while (done < pending_length) {
		ssize_t wrote = write(log->fd, pending + done, pending_length - done);
		if (wrote < 0 && errno == EINTR)
			continue;
		if (wrote <= 0)
			break;
		done += (size_t)wrote;
	}
	log->size += done;
	pending_length = 0;
}

static void put(struct log *log, const char *data, size_t length)
{
	while (length > 0) {
		size_t room = sizeof(pending) - pending_length;
		size_t part = length < room ? length : room;
		memcpy(pending + pending_length, data, part);
		pending_length += part;
		data += part;
		length -= part;
		if (pending_length == sizeof(pending))
			flush(log);
	}
}

void log_write(struct log *log, bool is_error, const char *data, size_t length)
{
	if (log->fd < 0 || length == 0)
		return;
	struct timespec now;
	clock_gettime(CLOCK_REALTIME, &now);
	char prefix[PREFIX_LENGTH];
	text_time(prefix, &now);
	memcpy(prefix + TIME_LENGTH, is_error ? " stderr F " : " stdout F ", PREFIX_LENGTH - TIME_LENGTH);

	while (length > 0) {
		const char *end = memchr(data, '\n', length);
		size_t part = end != NULL ? (size_t)(end - data) : length;
		unsigned long long size = log->size + pending_length;
		if (log->limit > 0 && size > 0 && size + PREFIX_LENGTH + part + 1 > log->limit) {
			flush(log);
			rotate(log);
		}
		prefix[PREFIX_LENGTH - 2] = end != NULL ? 'F' : 'P';
		put(log, prefix, PREFIX_LENGTH);
		put(log, data, part);
		put(log, "\n", 1);
		size_t taken = part + (end != NULL ? 1 : 0);
		data += taken;
		length -= taken;
	}
	flush(log);
}
