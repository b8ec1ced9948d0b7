/* What a child in a user namespace needs of its parent: mappings of ids, and limits that it may not raise itself. */
#include "operations.h"

#include "../common/names.h"
#include "channel.h"
#include "files.h"
#include "inherited.h"
#include "inside.h"
#include "spawn.h"

#include <linux/resource.h>

#define MAX_MAP_ARGUMENTS 1024
#define CAPTURE_SIZE 512

static bool has_child(const struct execution *x)
{
	return !x->is_child && x->child.pid > 0 && !x->child.ended;
}

/*
 * CVE-2025-52881: what is mounted at /proc, or over files in it, may be anything. An own number is asked of that /proc,
 * which may count in another PID namespace than this process is in.
 */
static int open_process_file(struct execution *x, const char *file, char *path, size_t size)
{
	CLOSING proc = k_openat(AT_FDCWD, "/proc", O_PATH | O_DIRECTORY, 0);
	if (proc < 0)
		return proc;
	struct statfs filesystem;
	int error = k_fstatfs(proc, &filesystem);
	if (error < 0)
		return error;
	if (filesystem.f_type != PROC_MAGIC)
		return -EXDEV;
	char self[16] = "";
	long length = k_readlinkat(proc, "self", self, sizeof(self) - 1);
	if (length < 0)
		return (int)length;
	self[length] = '\0';
	struct format out = format_start(path, size);
	if (has_child(x))
		format_print(&out, "%d/%s", x->child.pid, file);
	else
		format_print(&out, "%s/%s", self, file);
	return open_resolved(proc, path, O_WRONLY, 0, RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV);
}

int op_write_process(struct execution *x)
{
	const char *file = text_field(x, WRITE_PROCESS_FILE);
	char path[64] = "";
	int fd = open_process_file(x, file, path, sizeof(path));
	if (fd == -EXDEV)
		return violate(x, "/proc is no procfs, or %q in it is covered", file);
	return write_file(x, fd, AT_FDCWD, path, text_field(x, WRITE_PROCESS_DATA), data_length(x, WRITE_PROCESS_DATA),
	                  0);
}

__attribute__((noreturn)) static void become_helper(struct execution *x, int output, char **argv)
{
	char *none[] = { NULL };
	k_umask(x->caller_umask);
	k_dup3(output, 1, 0);
	k_dup3(output, 2, 0);
	close_from(3, -1, true);
	reset_dispositions();
	unblock_signals();
	k_execve(argv[0], argv, none);
	k_exit(127);
}

/* Reads what it writes to its end, and keeps the beginning, on one line. */
static void capture(int fd, char text[CAPTURE_SIZE])
{
	size_t length = 0;
	char byte;
	while (k_read(fd, &byte, 1) == 1) {
		if (length < CAPTURE_SIZE - 1)
			text[length++] = byte == '\n' || byte == '\0' ? ' ' : byte;
	}
	while (length > 0 && text[length - 1] == ' ')
		length--;
	text[length] = '\0';
}

static int run_helper(struct execution *x, char **argv)
{
	int ends[2];
	int error = k_pipe(ends, O_CLOEXEC);
	if (error < 0)
		return fail(x, error, "pipe2()");
	CLOSING reading = ends[0];
	CLOSING writing = ends[1];
	long pid = call5(__NR_clone, SIGCHLD, 0, 0, 0, 0);
	if (pid < 0)
		return fail(x, pid, "clone(), for %q", argv[0]);
	if (pid == 0)
		become_helper(x, writing, argv);
	k_close(writing);
	writing = -1;
	char text[CAPTURE_SIZE];
	capture(reading, text);
	siginfo_t info = { 0 };
	error = k_waitid(P_PID, (int)pid, &info, WEXITED);
	if (error < 0)
		return fail(x, error, "waitid(), for %q", argv[0]);
	if (info.si_code == CLD_EXITED && info.si_status == 0)
		return 0;
	if (info.si_code == CLD_EXITED && info.si_status == 127)
		return fail(x, ENOENT, "execve(%q)", argv[0]);
	return fail(x, EPERM, "%s %s: %s", argv[0], argv[1], text);
}

int op_map_ids(struct execution *x)
{
	uint64_t ids = raw_field(x, MAP_IDS_IDS);
	uint32_t count = plan_length(ids);
	/* execve takes char *const[] for historical reasons and writes nothing. */
	const char *argv[MAX_MAP_ARGUMENTS + 3];
	if (!has_child(x))
		return fail_as(x, FAILED_PROTOCOL, 0, "there is no child whose ids could be mapped");
	if (count > MAX_MAP_ARGUMENTS)
		return fail(x, EINVAL, "%d ids to map", (int)count);
	char pid[16];
	struct format out = format_start(pid, sizeof(pid));
	format_number(&out, x->child.pid);
	argv[0] = text_field(x, MAP_IDS_PROGRAM);
	argv[1] = pid;
	for (uint32_t i = 0; i < count; i++)
		argv[2 + i] = plan_element(&x->plan, ids, i);
	argv[2 + count] = NULL;
	return run_helper(x, (char **)(uintptr_t)argv);
}

int op_raise_limit(struct execution *x)
{
	int resource = (int)int_field(x, RAISE_LIMIT_RESOURCE);
	uint64_t hard = raw_field(x, RAISE_LIMIT_HARD);
	int pid = has_child(x) ? x->child.pid : 0;
	struct rlimit64 limit;
	long error = call4(__NR_prlimit64, pid, resource, NULL, &limit);
	if (error >= 0 && limit.rlim_max < hard) {
		limit.rlim_max = hard;
		error = call4(__NR_prlimit64, pid, resource, &limit, NULL);
	}
	return error < 0 && error != -EPERM ? fail(x, error, "prlimit64(%d, %d, {hard %l})", pid, resource,
	                                           (int64_t)hard)
	                                    : 0;
}
