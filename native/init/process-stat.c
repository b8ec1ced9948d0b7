#include "process-stat.h"

#include "execution.h"

#define START_TIME_FIELD 22
#define STATE_FIELD 3

int process_start_time(int pid, uint64_t *start_time)
{
	char path[32];
	struct format out = format_start(path, sizeof(path));
	format_print(&out, "/proc/%d/stat", pid);
	CLOSING fd = k_openat(AT_FDCWD, path, O_RDONLY, 0);
	if (fd < 0)
		return fd;
	char text[1024];
	long length = k_read(fd, text, sizeof(text) - 1);
	if (length < 0)
		return (int)length;
	text[length] = '\0';
	/* The command's name, in parentheses, may hold spaces and parentheses itself: the last one counts. */
	const char *at = NULL;
	for (const char *each = text; *each; each++) {
		if (*each == ')')
			at = each;
	}
	for (int field = STATE_FIELD; at && field <= START_TIME_FIELD; field++) {
		at = text_find(at, ' ');
		if (at)
			at++;
	}
	return at && parse_unsigned(at, start_time) ? 0 : -EPROTO;
}
