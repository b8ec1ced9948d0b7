#include "spawn.h"

#include "channel.h"
#include "failure.h"
#include "operations.h"

#include <linux/prctl.h>

void reset_dispositions(void)
{
	const struct kernel_sigaction standard = { 0 };
	for (int number = 1; number <= SIGNALS; number++)
		k_sigaction(number, &standard);
}

void unblock_signals(void)
{
	const signal_set none = 0;
	k_sigmask(SIG_SETMASK, &none, NULL);
}

int bind_to_parent(struct execution *x)
{
	if (!x->is_child || x->child.detached)
		return 0;
	int error = k_prctl(PR_SET_PDEATHSIG, SIGKILL, 0);
	if (error < 0)
		return fail(x, error, "prctl(PR_SET_PDEATHSIG, SIGKILL)");
	/* It may have died just before. getppid() says nothing in a new PID namespace; the socket does. */
	struct pollfd watched = { .fd = x->channel };
	const struct __kernel_timespec now = { 0 };
	if (k_poll(&watched, 1, &now) > 0 && (watched.revents & POLLHUP))
		return fail_as(x, FAILED_PROTOCOL, EPIPE, "the host section has ended");
	return 0;
}

void detach(struct execution *x, bool executing)
{
	if (!x->is_child)
		reset_dispositions();
	k_prctl(PR_SET_PDEATHSIG, 0, 0);
	unblock_signals();
	if (!x->is_child)
		return;
	x->child.detached = true;
	/* Fails only when the parent has gone, which from here on is fine. */
	channel_send(x->channel, MESSAGE_DETACHED, executing ? 1 : 0, -1);
}

#define GATE_EVENT INT32_MIN

static int wait_at_gate(struct execution *x)
{
	int32_t event;
	int fd;
	return channel_expect(x, MESSAGE_EVENT, &event, &fd);
}

/* The container's /proc is not to be trusted, or not there, when awaitStart needs to reopen its FIFO. */
int open_own_descriptors(struct execution *x)
{
	if (x->own_descriptors >= 0)
		k_close(x->own_descriptors);
	x->own_descriptors = -1;
	uint32_t first = x->plan.sections[SECTION_CONTAINER].first;
	for (uint32_t i = 0; i < x->plan.sections[SECTION_CONTAINER].count; i++) {
		if (x->plan.records[first + i].code != OP_AWAIT_START)
			continue;
		x->own_descriptors = k_openat(AT_FDCWD, "/proc/self/fd", O_PATH | O_DIRECTORY, 0);
		if (x->own_descriptors < 0)
			return fail(x, x->own_descriptors, "openat(AT_FDCWD, \"/proc/self/fd\")");
		return 0;
	}
	return 0;
}

void run_child(struct execution *x, bool gated)
{
	x->is_child = true;
	x->child = (struct child){ .pidfd = -1 };
	x->section = SECTION_CONTAINER;
	x->index = -1;
	/* Now and not before execve: a seccomp filter of the plan may know little. */
	reset_dispositions();
	if (x->signals >= 0)
		k_close(x->signals);
	x->signals = -1;
	bool ready = bind_to_parent(x) == 0 && open_own_descriptors(x) == 0 && (!gated || wait_at_gate(x) == 0);
	if (ready && run_section(x, SECTION_CONTAINER) == 0)
		fail_as(x, FAILED_PROTOCOL, 0, "the container section ended without becoming a program");
	report_to_parent(x);
}

/* Where CLONE_INTO_CGROUP cannot be asked for: the child waits at its gate meanwhile. */
static int enter_cgroup(struct execution *x, int cgroup, int pid)
{
	CLOSING procs = k_openat(cgroup, "cgroup.procs", O_WRONLY, 0);
	if (procs < 0)
		return fail(x, procs, "openat(%f, \"cgroup.procs\")", cgroup);
	char text[16];
	struct format out = format_start(text, sizeof(text));
	format_number(&out, pid);
	long written = k_write(procs, text, out.length);
	if (written < 0)
		return fail(x, written, "write(%f/cgroup.procs, %q)", cgroup, text);
	int error = channel_send(x->channel, MESSAGE_EVENT, GATE_EVENT, -1);
	return error < 0 ? fail(x, error, "sendmsg(%f)", x->channel) : 0;
}

int op_clone(struct execution *x)
{
	if (x->child.pid != 0)
		return fail_as(x, FAILED_PROTOCOL, 0, "the plan clones twice");
	uint64_t flags = raw_field(x, CLONE_FLAGS);
	int cgroup = in_field(x, CLONE_CGROUP);
	int ends[2];
	int error = k_socketpair(TYPE_SEQPACKET, ends);
	if (error < 0)
		return fail(x, error, "socketpair(AF_UNIX, SOCK_SEQPACKET)");
	CLOSING parent_end = ends[0];
	CLOSING child_end = ends[1];
	int pidfd = -1;
	struct clone_args arguments = {
		.flags = flags | CLONE_PIDFD | (cgroup >= 0 ? (uint64_t)CLONE_INTO_CGROUP : 0),
		.pidfd = (uintptr_t)&pidfd,
		.exit_signal = SIGCHLD,
		.cgroup = (unsigned)(cgroup >= 0 ? cgroup : 0),
	};
	bool gated = false;
	long pid = call2(__NR_clone3, &arguments, sizeof(arguments));
	if ((pid == -ENOSYS || pid == -E2BIG) && !(flags & CSIGNAL)) {
		/* An old seccomp filter of the host's. Both architectures take flags, stack, and the pidfd's place. */
		gated = cgroup >= 0;
		pid = call5(__NR_clone, flags | CLONE_PIDFD | SIGCHLD, 0, &pidfd, 0, 0);
	}
	if (pid < 0)
		return cgroup >= 0 ? fail(x, pid, "clone3(%x, cgroup %f)", flags, cgroup)
		                   : fail(x, pid, "clone3(%x)", flags);
	if (pid == 0) {
		k_close(parent_end);
		x->channel = child_end;
		run_child(x, gated);
	}
	x->child = (struct child){ .pid = (int)pid, .pidfd = pidfd };
	x->channel = parent_end;
	parent_end = -1;
	/* The register has a descriptor of its own: the plan may close it. */
	int copy = k_fcntl(pidfd, F_DUPFD_CLOEXEC, x->first_own);
	if (copy < 0)
		return fail(x, copy, "fcntl(%f, F_DUPFD_CLOEXEC)", pidfd);
	out_field(x, CLONE_OUT, copy);
	return gated ? enter_cgroup(x, cgroup, (int)pid) : 0;
}

int await_child(struct execution *x)
{
	siginfo_t info = { 0 };
	int error = k_waitid(P_PID, x->child.pid, &info, WEXITED);
	if (error < 0)
		return fail(x, error, "waitid(%d)", x->child.pid);
	x->child.ended = true;
	x->child.code = info.si_code;
	x->child.status = info.si_status;
	return 0;
}

void kill_child(struct execution *x)
{
	if (x->child.pid == 0 || x->child.ended)
		return;
	k_pidfd_signal(x->child.pidfd, SIGKILL);
	siginfo_t info = { 0 };
	k_waitid(P_PID, x->child.pid, &info, WEXITED);
	x->child.ended = true;
	x->child.code = info.si_code;
	x->child.status = info.si_status;
}

int child_exit_code(const struct child *child)
{
	return child->code == CLD_EXITED ? child->status : 128 + child->status;
}
