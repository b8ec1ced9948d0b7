/* Calls about processes, namespaces, signals and time. */
#ifndef CORTEN_KERNEL_PROCESSES_H
#define CORTEN_KERNEL_PROCESSES_H

#include "retried.h"

#include <asm/siginfo.h>
#include <asm/signal.h>
#include <linux/sched.h>
#include <linux/time_types.h>
#include <linux/wait.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A set of signals as the kernel sees it: bit n-1 is signal n. */
typedef uint64_t signal_set;
#define SIGNALS 64
#define SIGNAL_BIT(number) ((signal_set)1 << ((number)-1))

struct kernel_sigaction {
	void (*handler)(int);
	unsigned long flags;
	void (*restorer)(void);
	signal_set mask;
};

/* ── processes ── */
static inline int k_getpid(void)
{
	return (int)call0(__NR_getpid);
}

static inline unsigned k_geteuid(void)
{
	return (unsigned)call0(__NR_geteuid);
}

static inline int k_kill(int pid, int number)
{
	return (int)call2(__NR_kill, pid, number);
}

static inline int k_pidfd_open(int pid)
{
	return (int)call2(__NR_pidfd_open, pid, 0);
}

static inline int k_pidfd_signal(int pidfd, int number)
{
	return (int)call4(__NR_pidfd_send_signal, pidfd, number, NULL, 0);
}

static inline int k_waitid(int which, int id, siginfo_t *info, int options)
{
	return (int)RETRIED(call5(__NR_waitid, which, id, info, options, NULL));
}

static inline int k_execveat(int dir, const char *path, char *const *argv, char *const *envp, int flags)
{
	return (int)call5(__NR_execveat, dir, path, argv, envp, flags);
}

static inline int k_execve(const char *path, char *const *argv, char *const *envp)
{
	return (int)call3(__NR_execve, path, argv, envp);
}

static inline int k_setns(int fd, int flags)
{
	return (int)call2(__NR_setns, fd, flags);
}

static inline int k_unshare(unsigned long flags)
{
	return (int)call1(__NR_unshare, flags);
}

static inline int k_prctl(int option, unsigned long a, unsigned long b)
{
	return (int)call5(__NR_prctl, option, a, b, 0, 0);
}

static inline int k_setpgid(int pid, int group)
{
	return (int)call2(__NR_setpgid, pid, group);
}

static inline int k_setsid(void)
{
	return (int)call0(__NR_setsid);
}

__attribute__((noreturn)) static inline void k_exit(int status)
{
	for (;;)
		call1(__NR_exit_group, status);
}

/* ── signals ── */
static inline int k_sigmask(int how, const signal_set *set, signal_set *old)
{
	return (int)call4(__NR_rt_sigprocmask, how, set, old, sizeof(signal_set));
}

static inline int k_sigaction(int number, const struct kernel_sigaction *action)
{
	return (int)call4(__NR_rt_sigaction, number, action, NULL, sizeof(signal_set));
}

static inline int k_signalfd(int fd, const signal_set *set, int flags)
{
	return (int)call4(__NR_signalfd4, fd, set, sizeof(signal_set), flags);
}

/* ── time ── */
static inline void k_clock(int clock, struct __kernel_timespec *out)
{
	call2(__NR_clock_gettime, clock, out);
}

static inline void k_sleep(long nanoseconds)
{
	struct __kernel_timespec time = { .tv_sec = nanoseconds / 1000000000, .tv_nsec = nanoseconds % 1000000000 };
	call2(__NR_nanosleep, &time, NULL);
}

union bpf_attr;

static inline int k_bpf(int command, union bpf_attr *attributes, size_t size)
{
	/* The verifier may be told to start over by a signal. */
	for (int tries = 0;; tries++) {
		int result = (int)call3(__NR_bpf, command, attributes, size);
		if (result != -EAGAIN || tries == 5)
			return result;
	}
}

#endif
