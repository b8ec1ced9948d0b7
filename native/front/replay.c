#include "replay.h"

#include "../common/format.h"
#include "../common/kernel.h"
#include "../common/process-stat.h"

#define RECORD_SIZE (1024 * 1024)

/* RFC 3339 with milliseconds, UTC. */
static void format_now(char *out, size_t size)
{
	struct __kernel_timespec now;
	k_clock(CLOCK_REALTIME, &now);
	int64_t days = now.tv_sec / 86400;
	uint64_t second = (uint64_t)(now.tv_sec % 86400);
	/* Years that begin in March end with the leap day; 719468 days lie between the March of year 0 and 1970. */
	int64_t shifted = days + 719468;
	int64_t era = shifted / 146097;
	int64_t day_of_era = shifted % 146097;
	int64_t year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
	int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
	int64_t month_from_march = (5 * day_of_year + 2) / 153;
	int64_t day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
	int64_t month = month_from_march < 10 ? month_from_march + 3 : month_from_march - 9;
	int64_t year = era * 400 + year_of_era + (month <= 2 ? 1 : 0);
	struct format text = format_start(out, size);
	const struct {
		uint64_t value;
		unsigned width;
		char after;
	} parts[] = {
		{ (uint64_t)year, 4, '-' },      { (uint64_t)month, 2, '-' },
		{ (uint64_t)day, 2, 'T' },       { second / 3600, 2, ':' },
		{ second / 60 % 60, 2, ':' },    { second % 60, 2, '.' },
		{ (uint64_t)now.tv_nsec / 1000000, 3, 'Z' },
	};
	for (unsigned i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		format_unsigned(&text, parts[i].value, 10, parts[i].width);
		format_bytes(&text, &parts[i].after, 1);
	}
}

static bool write_file(int directory, const char *name, const char *bytes, size_t length)
{
	int fd = k_openat(directory, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600);
	if (fd < 0)
		return false;
	size_t done = 0;
	while (done < length) {
		long written = k_write(fd, bytes + done, length - done);
		if (written <= 0)
			break;
		done += (size_t)written;
	}
	k_close(fd);
	return done == length;
}

static void remove_draft(int root, const char *draft, int directory)
{
	k_unlinkat(directory, "plan", 0);
	k_unlinkat(directory, "state.json", 0);
	k_unlinkat(root, draft, AT_REMOVEDIR);
}

/*
 * Fills a directory under another name and gives it the container's, as src/runtime/lifecycle/state-directory.ts does:
 * nobody sees half of one, and what a SIGKILL leaves is swept.
 */
static bool store_container(const struct line *line, const struct plans *plans, const struct template *template,
                            const struct parameters *with, const char *start, const char *plan, size_t length)
{
	static char record[RECORD_SIZE];
	long recorded = fill_text(template, template->header->record, with, record, sizeof(record));
	if (recorded < 0)
		return false;
	char draft[80];
	struct format name = format_start(draft, sizeof(draft));
	format_print(&name, ".new-%s-%s-0", with->values[PARAMETER_PID - 1], start);
	if (k_mkdirat(plans->root, draft, 0700) < 0)
		return false;
	int directory = k_openat(plans->root, draft, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0);
	if (directory >= 0 && write_file(directory, "state.json", record, (size_t)recorded) &&
	    write_file(directory, "plan", plan, length) &&
	    k_renameat(plans->root, draft, plans->root, line->id, 0) == 0) {
		k_close(directory);
		return true;
	}
	remove_draft(plans->root, draft, directory);
	if (directory >= 0)
		k_close(directory);
	return false;
}

bool replay(const struct line *line, const struct plans *plans, const struct template *template, const char *executor,
            char *buffer, bool *stale)
{
	char pid[24];
	char start[24];
	char now[40];
	uint64_t start_time;
	*stale = false;
	struct format text = format_start(pid, sizeof(pid));
	format_number(&text, k_getpid());
	if (process_start_time(k_getpid(), &start_time) < 0)
		return false;
	text = format_start(start, sizeof(start));
	format_unsigned(&text, start_time, 10, 1);
	format_now(now, sizeof(now));
	const struct parameters with = { .values = {
		[PARAMETER_ID - 1] = line->id ? line->id : "",
		[PARAMETER_PID - 1] = pid,
		[PARAMETER_START - 1] = start,
		[PARAMETER_CREATED - 1] = now,
		/* Its slash stands in front of the gap. */
		[PARAMETER_PID_FILE - 1] = line->pid_file ? line->pid_file + 1 : "",
	} };
	if (!conditions_hold(template, &with)) {
		*stale = true;
		return false;
	}
	long length = fill_plan(template, &with, buffer, PLAN_MAX_SIZE);
	if (length < 0)
		return false;
	char path[4096];
	long written = fill_text(template, template->header->plan_file, &with, path, sizeof(path));
	if (written < 0)
		return false;
	if (template->header->record != TEMPLATE_ABSENT) {
		if (!line->id || !store_container(line, plans, template, &with, start, buffer, (size_t)length))
			return false;
	} else if (!write_file(AT_FDCWD, path, buffer, (size_t)length)) {
		return false;
	}
	char *const arguments[] = { (char *)(uintptr_t)"corten-init", path, NULL };
	char *const environment[] = { NULL };
	k_execve(executor, arguments, environment);
	/* The executor was there a moment ago: only an upgrade in between can remove it. */
	k_exit(125);
}
