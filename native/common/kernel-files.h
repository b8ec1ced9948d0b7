/* Calls about descriptors and paths; kernel.h has the contract of all. */
#ifndef CORTEN_KERNEL_FILES_H
#define CORTEN_KERNEL_FILES_H

#include "retried.h"

#include <asm/poll.h>
#include <asm/stat.h>
#include <asm/statfs.h>
#include <linux/fcntl.h>
#include <linux/openat2.h>
#include <linux/stat.h>
#include <linux/time_types.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PROC_MAGIC 0x9fa0
#define CGROUP2_MAGIC 0x63677270
#define DEVPTS_MAGIC 0x1cd1

struct kernel_directory_entry {
	uint64_t inode;
	int64_t offset;
	uint16_t length;
	uint8_t type;
	char name[];
};
#define ENTRY_UNKNOWN 0
#define ENTRY_DIRECTORY 4

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

#endif
