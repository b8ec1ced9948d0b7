/* A user namespace that nobody lives in: mount_setattr takes a mount's mapping from one. */
#include "files.h"
#include "operations.h"

/* Stays in the namespace until the parent has opened it, or is gone: then the pipe's other end is closed. */
__attribute__((noreturn)) static void hold_namespace(const int ends[2])
{
	char byte;
	k_close(ends[1]);
	while (k_read(ends[0], &byte, 1) == -EINTR)
		;
	k_exit(0);
}

static int write_map(struct execution *x, int pid, const char *name, unsigned field)
{
	char path[64];
	struct format out = format_start(path, sizeof(path));
	format_print(&out, "/proc/%d/%s", pid, name);
	int fd = k_openat(AT_FDCWD, path, O_WRONLY, 0);
	return write_file(x, fd, AT_FDCWD, path, text_field(x, field), data_length(x, field), 0);
}

static int open_mapped(struct execution *x, int pid)
{
	if (write_map(x, pid, "uid_map", OPEN_USER_NAMESPACE_UIDS) < 0 ||
	    write_map(x, pid, "gid_map", OPEN_USER_NAMESPACE_GIDS) < 0)
		return -1;
	char path[64];
	struct format out = format_start(path, sizeof(path));
	format_print(&out, "/proc/%d/ns/user", pid);
	int fd = k_openat(AT_FDCWD, path, O_RDONLY, 0);
	return fd < 0 ? fail(x, fd, "openat(AT_FDCWD, %q)", path) : fd;
}

int op_open_user_namespace(struct execution *x)
{
	int ends[2];
	int error = k_pipe(ends, O_CLOEXEC);
	if (error < 0)
		return fail(x, error, "pipe2()");
	long pid = call5(__NR_clone, CLONE_NEWUSER | SIGCHLD, 0, 0, 0, 0);
	if (pid == 0)
		hold_namespace(ends);
	k_close(ends[0]);
	int fd = pid < 0 ? fail(x, pid, "clone(CLONE_NEWUSER)") : open_mapped(x, (int)pid);
	k_close(ends[1]);
	if (pid > 0) {
		siginfo_t info = { 0 };
		k_waitid(P_PID, (int)pid, &info, WEXITED);
	}
	return fd < 0 ? fd : out_field(x, OPEN_USER_NAMESPACE_OUT, fd);
}
