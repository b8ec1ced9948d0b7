/* How the container ended, for those who ask later. */
#include "files.h"
#include "operations.h"
#include "spawn.h"

#include <linux/time.h>

/* The `oom_kill` line of memory.events (v2) or memory.oom_control (v1). A cgroup that is gone counts nothing. */
static bool was_oom_killed(const char *path)
{
	CLOSING fd = k_openat(AT_FDCWD, path, O_RDONLY, 0);
	if (fd < 0)
		return false;
	char text[1024];
	long length = k_read(fd, text, sizeof(text) - 1);
	if (length <= 0)
		return false;
	text[length] = '\0';
	for (const char *line = text; line;) {
		uint64_t count;
		if (text_starts(line, "oom_kill ") && parse_unsigned(line + 9, &count))
			return count > 0;
		line = text_find(line, '\n');
		if (line)
			line++;
	}
	return false;
}

int op_record_exit(struct execution *x)
{
	if (!x->child.ended)
		return fail_as(x, FAILED_PROTOCOL, 0, "the child has not ended");
	const char *events = text_field(x, RECORD_EXIT_EVENTS);
	struct __kernel_timespec now;
	k_clock(CLOCK_REALTIME, &now);
	char text[96];
	struct format out = format_start(text, sizeof(text));
	format_print(&out, "%d %d %d ", child_exit_code(&x->child),
	             x->child.code == CLD_EXITED ? 0 : x->child.status, events && was_oom_killed(events) ? 1 : 0);
	format_number(&out, now.tv_sec);
	format_text(&out, ".");
	format_unsigned(&out, (uint64_t)now.tv_nsec, 10, 9);
	format_text(&out, "\n");
	return replace_file(x, dir_field(x, RECORD_EXIT_DIR), text_field(x, RECORD_EXIT_PATH), text, out.length, 0644);
}
