#include "process-stat.h"

#include "format.h"
#include "kernel.h"

#define STATE_FIELD 3
#define FLAGS_FIELD 9
#define START_TIME_FIELD 22
/* Of the flags, which the kernel keeps stable for its tracing tools. */
#define PROCESS_EXITING 4

/* A numeric field of /proc/PID/stat. */
static int stat_field(int pid, int wanted, uint64_t *value)
{
	char path[32];
	struct format out = format_start(path, sizeof(path));
	format_print(&out, "/proc/%d/stat", pid);
	int fd = k_openat(AT_FDCWD, path, O_RDONLY, 0);
	if (fd < 0)
		return fd;
	char text[1024];
	long length = k_read(fd, text, sizeof(text) - 1);
	k_close(fd);
	if (length < 0)
		return (int)length;
	text[length] = '\0';
	/* The command's name, in parentheses, may hold spaces and parentheses itself: the last one counts. */
	const char *at = NULL;
	for (const char *each = text; *each; each++) {
		if (*each == ')')
			at = each;
	}
	if (at)
		at = text_find(at, ' ');
	for (int field = STATE_FIELD; at && field < wanted; field++)
		at = text_find(at + 1, ' ');
	return at && parse_unsigned(at + 1, value) ? 0 : -EPROTO;
}

int process_start_time(int pid, uint64_t *start_time)
{
	return stat_field(pid, START_TIME_FIELD, start_time);
}

bool process_is_ending(int pid)
{
	uint64_t flags;
	return stat_field(pid, FLAGS_FIELD, &flags) < 0 || (flags & PROCESS_EXITING);
}
