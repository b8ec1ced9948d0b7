/* Hooks: programs of the operator's, with the container's state on stdin. */
#include "operations.h"

#include "../common/memory.h"
#include "../common/names.h"
#include "channel.h"
#include "inherited.h"
#include "spawn.h"

#include <linux/prctl.h>
#include <linux/time.h>

#define CAPTURE_SIZE 4096

struct hook {
	int pid;
	int pidfd;
	/* Our ends: its stdin, and what it writes. */
	int input;
	int output;
	/* The state, in three parts. */
	const char *parts[3];
	size_t lengths[3];
	unsigned part;
	size_t sent;
	char captured[CAPTURE_SIZE];
	size_t captured_length;
};

static void end_hook(struct hook *hook)
{
	if (hook->input >= 0)
		k_close(hook->input);
	if (hook->output >= 0)
		k_close(hook->output);
	if (hook->pidfd >= 0)
		k_close(hook->pidfd);
}
#define ENDING __attribute__((cleanup(end_hook))) struct hook

/* In the new process: nothing but 0, 1 and 2, the given environment, default signals. */
__attribute__((noreturn)) static void become_hook(struct execution *x, int input, int output, int status, char **argv,
                                                  char **envp)
{
	const char *path = text_field(x, HOOK_PATH);
	/* A group of its own can be killed as a whole. */
	k_setpgid(0, 0);
	k_prctl(PR_SET_PDEATHSIG, SIGKILL, 0);
	k_umask(x->caller_umask);
	int error = k_dup3(input, 0, 0);
	if (error >= 0)
		error = k_dup3(output, 1, 0);
	if (error >= 0)
		error = k_dup3(output, 2, 0);
	close_from(3, -1, true);
	reset_dispositions();
	unblock_signals();
	if (error >= 0)
		error = k_execve(path, argv, envp);
	k_write(status, &error, sizeof(error));
	k_exit(127);
}

static int start_hook(struct execution *x, struct hook *hook)
{
	const char *path = text_field(x, HOOK_PATH);
	char **argv = list_vector(x, raw_field(x, HOOK_ARGS));
	char **envp = argv ? list_vector(x, raw_field(x, HOOK_ENV)) : NULL;
	if (!envp)
		return -1;
	int input[2];
	int output[2];
	int status[2];
	int error = k_pipe(input, O_CLOEXEC);
	if (error < 0)
		return fail(x, error, "pipe2()");
	CLOSING input_read = input[0];
	hook->input = input[1];
	error = k_pipe(output, O_CLOEXEC);
	if (error < 0)
		return fail(x, error, "pipe2()");
	hook->output = output[0];
	CLOSING output_write = output[1];
	error = k_pipe(status, O_CLOEXEC);
	if (error < 0)
		return fail(x, error, "pipe2()");
	CLOSING status_read = status[0];
	CLOSING status_write = status[1];
	k_fcntl(hook->input, F_SETFL, O_NONBLOCK);
	k_fcntl(hook->output, F_SETFL, O_NONBLOCK);

	long pid = call5(__NR_clone, CLONE_PIDFD | SIGCHLD, 0, &hook->pidfd, 0, 0);
	if (pid < 0)
		return fail(x, pid, "clone(), for hook %q", path);
	if (pid == 0)
		become_hook(x, input_read, output_write, status_write, argv, envp);
	hook->pid = (int)pid;
	k_close(status_write);
	status_write = -1;
	/* Ends when execve has closed it. */
	if (k_read(status_read, &error, sizeof(error)) == (long)sizeof(error)) {
		siginfo_t info = { 0 };
		k_waitid(P_PID, hook->pid, &info, WEXITED);
		return fail_as(x, FAILED_HOOK, error, "hook %q: execve: %s", path, errno_name(-error));
	}
	return 0;
}

/* Writes as much of the state as the pipe takes. A hook need not read it. */
static void feed(struct hook *hook)
{
	while (hook->part < 3) {
		size_t left = hook->lengths[hook->part] - hook->sent;
		if (left == 0) {
			hook->part++;
			hook->sent = 0;
			continue;
		}
		long written = k_write(hook->input, hook->parts[hook->part] + hook->sent, left);
		if (written == -EAGAIN)
			return;
		if (written < 0)
			break;
		hook->sent += (size_t)written;
	}
	k_close(hook->input);
	hook->input = -1;
}

/* Keeps the first bytes of what it writes, and lets the rest go; not for ever at once, for the time-out's sake. */
static void capture(struct hook *hook)
{
	char bytes[1024];
	for (int reads = 0;; reads++) {
		if (reads == 128)
			return;
		long length = k_read(hook->output, bytes, sizeof(bytes));
		if (length == -EAGAIN)
			return;
		if (length <= 0)
			break;
		size_t room = sizeof(hook->captured) - 1 - hook->captured_length;
		size_t kept = (size_t)length < room ? (size_t)length : room;
		memcpy(hook->captured + hook->captured_length, bytes, kept);
		hook->captured_length += kept;
	}
	k_close(hook->output);
	hook->output = -1;
}

static int64_t milliseconds(void)
{
	struct __kernel_timespec now;
	k_clock(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void kill_hook(struct hook *hook)
{
	k_kill(-hook->pid, SIGKILL);
	k_pidfd_signal(hook->pidfd, SIGKILL);
	siginfo_t info = { 0 };
	k_waitid(P_PID, hook->pid, &info, WEXITED);
}

/* Until the hook has ended, is out of time, or the caller interrupts. */
static int attend(struct execution *x, struct hook *hook)
{
	int64_t timeout = int_field(x, HOOK_TIMEOUT);
	int64_t deadline = milliseconds() + timeout;
	for (;;) {
		struct pollfd watched[4] = {
			{ .fd = hook->pidfd, .events = POLLIN },
			{ .fd = hook->output, .events = POLLIN },
			{ .fd = hook->input, .events = POLLOUT },
			{ .fd = x->signals, .events = POLLIN },
		};
		int64_t left = timeout > 0 ? deadline - milliseconds() : 0;
		if (timeout > 0 && left <= 0) {
			kill_hook(hook);
			return fail_as(x, FAILED_HOOK, ETIMEDOUT, "hook %q did not end within %l ms and was killed",
			               text_field(x, HOOK_PATH), timeout);
		}
		struct __kernel_timespec wait = { .tv_sec = left / 1000, .tv_nsec = left % 1000 * 1000000 };
		int ready = k_poll(watched, 4, timeout > 0 ? &wait : NULL);
		if (ready < 0) {
			kill_hook(hook);
			return fail(x, ready, "ppoll(), for hook %q", text_field(x, HOOK_PATH));
		}
		if (watched[2].revents)
			feed(hook);
		if (watched[1].revents)
			capture(hook);
		if (watched[0].revents)
			return 0;
		/* Cleaning up is not interrupted: it is what an interruption leads to. */
		if (watched[3].revents && x->section != SECTION_CLEANUP && check_interrupted(x) < 0) {
			kill_hook(hook);
			return -1;
		}
	}
}

static int judge(struct execution *x, struct hook *hook)
{
	if (hook->output >= 0)
		capture(hook);
	siginfo_t info = { 0 };
	int error = k_waitid(P_PID, hook->pid, &info, WEXITED);
	if (error < 0)
		return fail(x, error, "waitid(), for hook %q", text_field(x, HOOK_PATH));
	if (info.si_code == CLD_EXITED && info.si_status == 0)
		return 0;
	size_t length = hook->captured_length;
	while (length > 0 && (hook->captured[length - 1] == '\n' || hook->captured[length - 1] == ' '))
		length--;
	for (size_t i = 0; i < length; i++) {
		/* NUL ends the fields of the failure's record. */
		if (hook->captured[i] == '\0')
			hook->captured[i] = ' ';
	}
	hook->captured[length] = '\0';
	const char *path = text_field(x, HOOK_PATH);
	const char *colon = length > 0 ? ": " : "";
	if (info.si_code == CLD_EXITED)
		return fail_as(x, FAILED_HOOK, 0, "hook %q exited with %d%s%s", path, info.si_status, colon, hook->captured);
	return fail_as(x, FAILED_HOOK, 0, "hook %q was killed by %s%s%s", path, signal_name(info.si_status), colon,
	               hook->captured);
}

int op_hook(struct execution *x)
{
	char pid[16];
	struct format out = format_start(pid, sizeof(pid));
	/* In the container the process itself, as it is seen there; on the host its child, 0 once it has ended. */
	if (x->is_child)
		format_number(&out, k_getpid());
	else
		format_number(&out, x->child.ended ? 0 : x->child.pid);
	ENDING hook = {
		.pidfd = -1,
		.input = -1,
		.output = -1,
		.parts = { text_field(x, HOOK_BEFORE), pid, text_field(x, HOOK_AFTER) },
		.lengths = { data_length(x, HOOK_BEFORE), out.length, data_length(x, HOOK_AFTER) },
	};
	int result = start_hook(x, &hook);
	if (result == 0)
		result = attend(x, &hook);
	if (result == 0)
		result = judge(x, &hook);
	if (result < 0 && int_field(x, HOOK_TOLERATE)) {
		warn_hook(x);
		return 0;
	}
	return result;
}
