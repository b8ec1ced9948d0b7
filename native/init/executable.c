/* Finding and becoming the container's program. */
#include "operations.h"

#include "../common/memory.h"
#include "../common/names.h"
#include "inherited.h"
#include "spawn.h"

#define MAY_EXECUTE 1

/*
 * 0 when the program may be executed, or the errno number negated: EISDIR for a directory. The container's system
 * call filter may be in force by now, and answers ENOSYS for what is newer than it: only the oldest calls here until
 * the answer is no, and where even these are refused, execve has the last word.
 */
static int check_executable(const char *path)
{
	CLOSING directory = k_openat(AT_FDCWD, path, O_PATH | O_DIRECTORY | O_CLOEXEC, 0);
	if (directory >= 0)
		return -EISDIR;
	int error = k_faccessat(AT_FDCWD, path, MAY_EXECUTE);
	/* That call asks for the user alone; one with CAP_DAC_OVERRIDE may do more. */
	if (error == -EACCES && call4(__NR_faccessat2, AT_FDCWD, path, MAY_EXECUTE, AT_EACCESS) == 0)
		return 0;
	return error == -ENOSYS || error == -EPERM ? 0 : error;
}

static int keep(struct execution *x, const char *path)
{
	size_t length = text_length(path);
	if (length >= sizeof(x->executable))
		return fail_as(x, FAILED_EXECUTABLE, ENAMETOOLONG, "exec: %q: file name too long", path);
	memcpy(x->executable, path, length + 1);
	return 0;
}

/* The texts are those that callers of OCI runtimes look for. */
static int refuse(struct execution *x, const char *name, int error)
{
	switch (error) {
	case -EISDIR:
		return fail_as(x, FAILED_EXECUTABLE, EISDIR, "exec: %q: is a directory", name);
	case -EACCES:
		return fail_as(x, FAILED_EXECUTABLE, EACCES, "exec: %q: permission denied", name);
	case -ENOENT:
	case -ENOTDIR:
		return fail_as(x, FAILED_EXECUTABLE, ENOENT, "exec: %q: stat %s: no such file or directory", name, name);
	default:
		return fail_as(x, FAILED_EXECUTABLE, error, "exec: %q: %s", name, errno_name(-error));
	}
}

int op_find_executable(struct execution *x)
{
	const char *name = text_field(x, FIND_EXECUTABLE_NAME);
	if (text_find(name, '/')) {
		int error = check_executable(name);
		return error < 0 ? refuse(x, name, error) : keep(x, name);
	}
	bool denied = false;
	const char *at = text_field(x, FIND_EXECUTABLE_PATH);
	while (*name && at) {
		const char *end = text_find(at, ':');
		size_t length = end ? (size_t)(end - at) : text_length(at);
		char path[EXECUTABLE_SIZE];
		struct format out = format_start(path, sizeof(path));
		/* An empty element is the working directory. */
		format_bytes(&out, length > 0 ? at : ".", length > 0 ? length : 1);
		format_print(&out, "/%s", name);
		int error = out.length < sizeof(path) - 1 ? check_executable(path) : -ENAMETOOLONG;
		if (error == 0)
			return keep(x, path);
		denied = denied || error == -EACCES;
		at = end ? end + 1 : NULL;
	}
	if (denied)
		return refuse(x, name, -EACCES);
	return fail_as(x, FAILED_EXECUTABLE, ENOENT, "exec: %q: executable file not found in $PATH", name);
}

int op_execute(struct execution *x)
{
	uint64_t args = raw_field(x, EXECUTE_ARGS);
	if (plan_length(args) == 0)
		return fail(x, EINVAL, "execve() without arguments");
	char **argv = list_vector(x, args);
	char **envp = argv ? list_vector(x, raw_field(x, EXECUTE_ENV)) : NULL;
	if (!envp)
		return -1;
	if (*x->home)
		envp[plan_length(raw_field(x, EXECUTE_ENV))] = x->home;
	const char *path = *x->executable ? x->executable : argv[0];
	detach(x, true);
	int error = k_execve(path, argv, envp);
	return fail_as(x, FAILED_EXECUTABLE, error, "execve(%q): %s", path, errno_name(-error));
}

int op_close_from(struct execution *x)
{
	unsigned first = unsigned_field(x, CLOSE_FROM_FIRST);
	release_preserved(x);
	if (int_field(x, CLOSE_FROM_CLOEXEC)) {
		close_from(first, -1, true);
		return 0;
	}
	for (unsigned i = 0; i < PLAN_MAX_REGISTERS; i++) {
		if (x->registers[i] >= (int)first)
			x->registers[i] = -1;
	}
	/* The channel stays for the failure of execve, which closes it. */
	close_from(first, x->channel, false);
	return 0;
}
