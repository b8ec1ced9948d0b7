/*
 * The kernel's interface as corten-init uses it: typed wrappers of the calls, and the few structures that the
 * kernel's own headers leave to a C library. Each wrapper returns the result, or the errno number negated.
 */
#ifndef CORTEN_KERNEL_H
#define CORTEN_KERNEL_H

#include "call.h"

#include <asm/ioctls.h>
#include <asm/poll.h>
#include <asm/siginfo.h>
#include <asm/signal.h>
#include <asm/stat.h>
#include <asm/statfs.h>
#include <linux/errno.h>
#include <linux/fcntl.h>
#include <linux/mount.h>
#include <linux/openat2.h>
#include <linux/sched.h>
#include <linux/stat.h>
#include <linux/time_types.h>
#include <linux/uio.h>
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

struct kernel_message {
	void *name;
	int name_length;
	struct iovec *vectors;
	size_t vector_count;
	void *control;
	size_t control_length;
	unsigned flags;
};

/* A control message that carries one descriptor. */
struct kernel_rights {
	size_t length;
	int level;
	int type;
	int descriptor;
	int padding;
};
#define RIGHTS_LENGTH (sizeof(size_t) + 3 * sizeof(int))

struct kernel_directory_entry {
	uint64_t inode;
	int64_t offset;
	uint16_t length;
	uint8_t type;
	char name[];
};
#define ENTRY_UNKNOWN 0
#define ENTRY_DIRECTORY 4

struct kernel_unix_address {
	uint16_t family;
	char path[108];
};

#define FAMILY_UNIX 1
#define FAMILY_INET 2
#define TYPE_STREAM 1
#define TYPE_DATAGRAM 2
#define TYPE_SEQPACKET 5
#define SOCKET_CLOEXEC 02000000
#define LEVEL_SOCKET 1
#define CONTROL_RIGHTS 1
#define MESSAGE_TRUNCATED 0x20
#define MESSAGE_CONTROL_TRUNCATED 0x8
#define MESSAGE_DONTWAIT 0x40
#define MESSAGE_NOSIGNAL 0x4000
#define MESSAGE_CLOEXEC 0x40000000

#define PROC_MAGIC 0x9fa0
#define CGROUP2_MAGIC 0x63677270
#define DEVPTS_MAGIC 0x1cd1

/* Of umount2; the kernel keeps them out of its public headers. */
#define MNT_DETACH 2
#define UMOUNT_NOFOLLOW 8

/* Interrupted calls are repeated: every signal is blocked, but a stop and its continuation end a sleep too. */
#define RETRIED(expression) \
	(__extension__({ \
		long retried_; \
		do \
			retried_ = (long)(expression); \
		while (retried_ == -EINTR); \
		retried_; \
	}))

/* ── descriptors ── */
static inline int k_openat(int dir, const char *path, int flags, unsigned mode)
{
	return (int)RETRIED(call4(__NR_openat, dir, path, flags | O_CLOEXEC, mode));
}

static inline int k_close(int fd)
{
	return (int)call1(__NR_close, fd);
}

static inline int k_close_range(unsigned first, unsigned last, unsigned flags)
{
	return (int)call3(__NR_close_range, first, last, flags);
}

static inline int k_dup3(int from, int to, int flags)
{
	return (int)RETRIED(call3(__NR_dup3, from, to, flags));
}

static inline int k_fcntl(int fd, int command, long argument)
{
	return (int)call3(__NR_fcntl, fd, command, argument);
}

static inline int k_ioctl(int fd, unsigned long command, const void *argument)
{
	return (int)call3(__NR_ioctl, fd, command, argument);
}

static inline long k_read(int fd, void *buffer, size_t size)
{
	return RETRIED(call3(__NR_read, fd, buffer, size));
}

static inline long k_write(int fd, const void *buffer, size_t size)
{
	return RETRIED(call3(__NR_write, fd, buffer, size));
}

static inline long k_seek(int fd, long offset, int whence)
{
	return call3(__NR_lseek, fd, offset, whence);
}

static inline long k_sendfile(int to, int from, size_t size)
{
	return RETRIED(call4(__NR_sendfile, to, from, 0, size));
}

static inline long k_entries(int fd, void *buffer, size_t size)
{
	return call3(__NR_getdents64, fd, buffer, size);
}

static inline int k_pipe(int ends[2], int flags)
{
	return (int)call2(__NR_pipe2, ends, flags);
}

static inline int k_poll(struct pollfd *fds, unsigned count, const struct __kernel_timespec *timeout)
{
	struct __kernel_timespec left = timeout ? *timeout : (struct __kernel_timespec){ 0 };
	return (int)RETRIED(call5(__NR_ppoll, fds, count, timeout ? &left : NULL, NULL, 0));
}

static inline int k_statx(int dir, const char *path, int flags, unsigned mask, struct statx *out)
{
	return (int)call5(__NR_statx, dir, path, flags, mask, out);
}

/* As old as the kernel's other basic calls: for where a system call filter is in force that may not know statx. */
static inline int k_fstatat(int dir, const char *path, struct stat *out, int flags)
{
	return (int)call4(__NR_newfstatat, dir, path, out, flags);
}

static inline int k_fstatfs(int fd, struct statfs *out)
{
	return (int)call2(__NR_fstatfs, fd, out);
}

static inline int k_truncate(int fd, int64_t size)
{
	return (int)RETRIED(call2(__NR_ftruncate, fd, size));
}

/* `path` NULL: the descriptor's own times. */
static inline int k_utimens(int dir, const char *path, const struct __kernel_timespec times[2], int flags)
{
	return (int)call4(__NR_utimensat, dir, path, times, flags);
}

static inline long k_list_attributes(int fd, char *names, size_t size)
{
	return call3(__NR_flistxattr, fd, names, size);
}

static inline long k_get_attribute(int fd, const char *name, void *value, size_t size)
{
	return call4(__NR_fgetxattr, fd, name, value, size);
}

static inline int k_set_attribute(int fd, const char *name, const void *value, size_t size)
{
	return (int)call5(__NR_fsetxattr, fd, name, value, size, 0);
}

static inline int k_memfd(const char *name, unsigned flags)
{
	return (int)call2(__NR_memfd_create, name, flags);
}

static inline long k_map(size_t size, int protection, int flags)
{
	return call6(__NR_mmap, 0, (long)size, protection, flags, -1, 0);
}

static inline int k_protect(void *address, size_t size, int protection)
{
	return (int)call3(__NR_mprotect, address, size, protection);
}

/* ── paths ── */
static inline int k_mkdirat(int dir, const char *path, unsigned mode)
{
	return (int)call3(__NR_mkdirat, dir, path, mode);
}

static inline int k_mknodat(int dir, const char *path, unsigned mode, unsigned device)
{
	return (int)call4(__NR_mknodat, dir, path, mode, device);
}

static inline int k_symlinkat(const char *target, int dir, const char *path)
{
	return (int)call3(__NR_symlinkat, target, dir, path);
}

static inline int k_linkat(int from_dir, const char *from, int to_dir, const char *to)
{
	return (int)call5(__NR_linkat, from_dir, from, to_dir, to, 0);
}

static inline long k_readlinkat(int dir, const char *path, char *buffer, size_t size)
{
	return call4(__NR_readlinkat, dir, path, buffer, size);
}

static inline int k_unlinkat(int dir, const char *path, int flags)
{
	return (int)call3(__NR_unlinkat, dir, path, flags);
}

static inline int k_renameat(int from_dir, const char *from, int to_dir, const char *to, unsigned flags)
{
	return (int)call5(__NR_renameat2, from_dir, from, to_dir, to, flags);
}

static inline int k_fchownat(int dir, const char *path, unsigned uid, unsigned gid, int flags)
{
	return (int)call5(__NR_fchownat, dir, path, uid, gid, flags);
}

static inline int k_fchmod(int fd, unsigned mode)
{
	return (int)call2(__NR_fchmod, fd, mode);
}

static inline int k_fchmodat(int dir, const char *path, unsigned mode)
{
	return (int)call3(__NR_fchmodat, dir, path, mode);
}

static inline int k_fchmodat2(int dir, const char *path, unsigned mode, int flags)
{
	return (int)call4(__NR_fchmodat2, dir, path, mode, flags);
}

static inline int k_faccessat(int dir, const char *path, int mode)
{
	return (int)call3(__NR_faccessat, dir, path, mode);
}

static inline int k_chdir(const char *path)
{
	return (int)call1(__NR_chdir, path);
}

static inline int k_fchdir(int fd)
{
	return (int)call1(__NR_fchdir, fd);
}

static inline int k_chroot(const char *path)
{
	return (int)call1(__NR_chroot, path);
}

static inline long k_getcwd(char *buffer, size_t size)
{
	return call2(__NR_getcwd, buffer, size);
}

static inline unsigned k_umask(unsigned mask)
{
	return (unsigned)call1(__NR_umask, mask);
}

/* ── mounts ── */
static inline int k_open_tree(int dir, const char *path, unsigned flags)
{
	return (int)call3(__NR_open_tree, dir, path, flags | OPEN_TREE_CLOEXEC);
}

static inline int k_move_mount(int from, const char *from_path, int to, const char *to_path, unsigned flags)
{
	return (int)call5(__NR_move_mount, from, from_path, to, to_path, flags);
}

static inline int k_mount_setattr(int dir, unsigned flags, struct mount_attr *attributes)
{
	return (int)call5(__NR_mount_setattr, dir, "", flags, attributes, sizeof(*attributes));
}

static inline int k_fsopen(const char *type)
{
	return (int)call2(__NR_fsopen, type, FSOPEN_CLOEXEC);
}

static inline int k_fspick(int dir)
{
	return (int)call3(__NR_fspick, dir, "", FSPICK_CLOEXEC | FSPICK_EMPTY_PATH);
}

static inline int k_fsconfig(int fs, unsigned command, const char *key, const void *value, int aux)
{
	return (int)RETRIED(call5(__NR_fsconfig, fs, command, key, value, aux));
}

static inline int k_fsmount(int fs, unsigned attributes)
{
	return (int)call3(__NR_fsmount, fs, FSMOUNT_CLOEXEC, attributes);
}

static inline int k_mount(const char *source, const char *target, const char *type, unsigned long flags)
{
	return (int)call5(__NR_mount, source, target, type, flags, NULL);
}

static inline int k_umount(const char *target, int flags)
{
	return (int)call2(__NR_umount2, target, flags);
}

static inline int k_pivot_root(const char *root, const char *old)
{
	return (int)call2(__NR_pivot_root, root, old);
}

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

/* ── sockets ── */
static inline int k_socket(int family, int type)
{
	return (int)call3(__NR_socket, family, type | SOCKET_CLOEXEC, 0);
}

static inline int k_socketpair(int type, int ends[2])
{
	return (int)call4(__NR_socketpair, FAMILY_UNIX, type | SOCKET_CLOEXEC, 0, ends);
}

static inline int k_connect(int fd, const struct kernel_unix_address *address, int length)
{
	return (int)RETRIED(call3(__NR_connect, fd, address, length));
}

static inline int k_bind(int fd, const struct kernel_unix_address *address, int length)
{
	return (int)call3(__NR_bind, fd, address, length);
}

static inline long k_sendmsg(int fd, const struct kernel_message *message, int flags)
{
	return RETRIED(call3(__NR_sendmsg, fd, message, flags));
}

static inline long k_recvmsg(int fd, struct kernel_message *message, int flags)
{
	return RETRIED(call3(__NR_recvmsg, fd, message, flags));
}

/* ── time ── */
static inline void k_clock(int clock, struct __kernel_timespec *out)
{
	call2(__NR_clock_gettime, clock, out);
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

static inline void k_sleep(long nanoseconds)
{
	struct __kernel_timespec time = { .tv_sec = nanoseconds / 1000000000, .tv_nsec = nanoseconds % 1000000000 };
	call2(__NR_nanosleep, &time, NULL);
}

#endif
