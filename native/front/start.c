/*
 * As src/runtime/lifecycle/start.ts does it: whoever removes the FIFO's name is the one that starts the container; its
 * process, which waits for a reader, writes a byte, and closes the FIFO by becoming the user's program. Until the name
 * is removed nothing has happened, and every doubt is left to the whole command line.
 */
#include "start.h"

#include "../common/format.h"
#include "../common/kernel.h"
#include "../common/memory.h"
#include "../common/process-stat.h"

#define RECORD_SIZE (1024 * 1024)
#define FAILURE_SIZE (64 * 1024)
#define PATH_SIZE 4096

/* Reads a whole file. Returns its length, or -1 where it is not there or does not fit. */
static long read_whole(int directory, const char *name, char *bytes, size_t size)
{
	int fd = k_openat(directory, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK, 0);
	if (fd < 0)
		return -1;
	size_t length = 0;
	long got;
	while (length < size && (got = k_read(fd, bytes + length, size - length)) > 0)
		length += (size_t)got;
	k_close(fd);
	return length < size ? (long)length : -1;
}

static bool holds_text(const char *bytes, size_t length, const char *text)
{
	size_t wanted = text_length(text);
	const char *at = bytes;
	const char *end = bytes + length;
	while ((size_t)(end - at) >= wanted && (at = memchr(at, text[0], (size_t)(end - at) - wanted + 1))) {
		if (memcmp(at, text, wanted) == 0)
			return true;
		at++;
	}
	return false;
}

/* The record is JSON as JSON.stringify writes it: inside a text there is no bare quotation mark, so these are keys. */
static bool is_plain(int directory)
{
	static char record[RECORD_SIZE];
	long length = read_whole(directory, "state.json", record, sizeof(record));
	return length > 0 && !holds_text(record, (size_t)length, "\"hooks\":") &&
	       !holds_text(record, (size_t)length, "\"notifySocket\":");
}

/* A pidfd of the container's process, which is alive; negative: it is not. */
static int open_init(int directory)
{
	char text[64];
	uint64_t pid;
	uint64_t start;
	uint64_t found;
	long length = read_whole(directory, "init", text, sizeof(text) - 1);
	if (length <= 0)
		return -1;
	text[length] = '\0';
	const char *space = text_find(text, ' ');
	if (!space || !parse_unsigned(text, &pid) || !parse_unsigned(space + 1, &start))
		return -1;
	int pidfd = k_pidfd_open((int)pid);
	/* Looked at once it is held: its number may have passed on. */
	if (pidfd >= 0 && (process_start_time((int)pid, &found) < 0 || found != start || process_is_ending((int)pid))) {
		k_close(pidfd);
		return -1;
	}
	return pidfd;
}

/* Waits for the byte; false when the process has ended without it. */
static bool hear_it_pass(int fifo, int pidfd)
{
	struct pollfd both[] = { { .fd = fifo, .events = POLLIN }, { .fd = pidfd, .events = POLLIN } };
	for (;;) {
		char byte;
		if (k_poll(both, 2, NULL) < 0)
			return false;
		if (k_read(fifo, &byte, 1) == 1)
			return true;
		if (both[1].revents)
			return false;
	}
}

/* Waits until the FIFO is closed. Returns the length of what was told of a failure. */
static size_t await_program(int fifo, char *told, size_t size)
{
	struct pollfd one = { .fd = fifo, .events = POLLIN };
	size_t length = 0;
	while (length < size) {
		long got = k_read(fifo, told + length, size - length);
		if (got == -EAGAIN)
			k_poll(&one, 1, NULL);
		else if (got <= 0)
			break;
		else
			length += (size_t)got;
	}
	return length;
}

static void write_account(const struct line *line, const char *told, size_t length, char *account, size_t size)
{
	struct format path = format_start(account, size);
	format_print(&path, "%s/.failures/start-%s-%d", line->root, line->id, k_getpid());
	int fd = k_openat(AT_FDCWD, account, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600);
	if (fd < 0)
		return;
	k_write(fd, told, length);
	k_close(fd);
}

enum started start_container(const struct line *line, char *account, size_t size)
{
	static char told[FAILURE_SIZE];
	char path[PATH_SIZE];
	if (text_length(line->root) + text_length(line->id) > sizeof(path) - 64)
		return START_UNDECIDED;
	struct format text = format_start(path, sizeof(path));
	format_print(&text, "%s/%s", line->root, line->id);
	int directory = k_openat(AT_FDCWD, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0);
	if (directory < 0 || !is_plain(directory))
		return START_UNDECIDED;
	int pidfd = open_init(directory);
	if (pidfd < 0)
		return START_UNDECIDED;
	/* Not blocking: a process that died would never come to the other end. */
	int fifo = k_openat(directory, "exec.fifo", O_RDONLY | O_NONBLOCK | O_NOFOLLOW, 0);
	if (fifo < 0 || k_unlinkat(directory, "exec.fifo", 0) < 0 || !hear_it_pass(fifo, pidfd))
		return START_UNDECIDED;
	size_t length = await_program(fifo, told, sizeof(told));
	if (length == 0)
		return START_DONE;
	write_account(line, told, length, account, size);
	return START_FAILED;
}
