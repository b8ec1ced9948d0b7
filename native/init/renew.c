/*
 * The container section goes on in another process, a sibling of the one that began it: only a child is in the PID and
 * time namespaces that its parent chose, and some namespaces can be made only once a user namespace is joined.
 *
 * It is also how a process comes into a PID namespace that others live in. One born there by `clone` would be seen by
 * them while it still has the root directory and the descriptors of the host, and CAP_SYS_PTRACE in the same user
 * namespace opens /proc/PID/root and /proc/PID/fd whether or not it is dumpable (CVE-2016-9962). So the first child
 * joins everything, lets go of the host, and only then is followed by the one that others see.
 */
#include "channel.h"
#include "operations.h"
#include "spawn.h"

#include <linux/sched.h>

#define RENEWED_EVENT (INT32_MIN + 1)

int op_renew(struct execution *x)
{
	if (!x->is_child)
		return fail_as(x, FAILED_PROTOCOL, 0, "only the container section has a parent");
	int pidfd = -1;
	uint64_t flags = raw_field(x, RENEW_FLAGS);
	/* CLONE_PARENT takes its signal from this process, for which it is SIGCHLD. */
	struct clone_args arguments = { .flags = flags | CLONE_PARENT | CLONE_PIDFD, .pidfd = (uintptr_t)&pidfd };
	long pid = call2(__NR_clone3, &arguments, sizeof(arguments));
	if ((pid == -ENOSYS || pid == -E2BIG) && !(flags & CSIGNAL))
		pid = call5(__NR_clone, flags | CLONE_PARENT | CLONE_PIDFD | SIGCHLD, 0, &pidfd, 0, 0);
	if (pid < 0)
		return fail(x, pid, "clone3(%x, CLONE_PARENT)", flags);
	if (pid > 0) {
		int error = channel_send(x->channel, MESSAGE_RENEWED, (int32_t)pid, pidfd);
		if (error < 0)
			k_pidfd_signal(pidfd, SIGKILL);
		k_exit(0);
	}
	if (bind_to_parent(x) < 0 || open_own_descriptors(x) < 0)
		return -1;
	int32_t event;
	int fd;
	return channel_expect(x, MESSAGE_EVENT, &event, &fd);
}

int op_adopt(struct execution *x)
{
	if (x->is_child || x->child.pid == 0)
		return fail_as(x, FAILED_PROTOCOL, 0, "there is no child to be followed by another");
	int32_t pid;
	int pidfd;
	if (channel_expect(x, MESSAGE_RENEWED, &pid, &pidfd) < 0)
		return -1;
	if (pidfd < 0)
		return fail_as(x, FAILED_PROTOCOL, EPROTO, "the child named no process that follows it");
	if (await_child(x) < 0) {
		k_close(pidfd);
		return -1;
	}
	k_close(x->child.pidfd);
	x->child = (struct child){ .pid = pid, .pidfd = pidfd };
	int copy = k_fcntl(pidfd, F_DUPFD_CLOEXEC, x->first_own);
	if (copy < 0)
		return fail(x, copy, "fcntl(%f, F_DUPFD_CLOEXEC)", pidfd);
	out_field(x, ADOPT_OUT, copy);
	int error = channel_send(x->channel, MESSAGE_EVENT, RENEWED_EVENT, -1);
	return error < 0 ? fail(x, error, "sendmsg(%f)", x->channel) : 0;
}
