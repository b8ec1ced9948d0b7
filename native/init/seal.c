#include "seal.h"

#include "../common/names.h"
#include "failure.h"

#include <linux/memfd.h>

#ifndef MFD_EXEC
#define MFD_EXEC 0x0010U
#endif
#ifndef F_SEAL_EXEC
#define F_SEAL_EXEC 0x0020
#endif

#define SEALS (F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)

__attribute__((noreturn)) static void give_up(const char *what, long error)
{
	print_message("cannot seal its own program: %s: %s", what, errno_name((int)-error));
	k_exit(EXIT_FAILED);
}

static int make_memfd(void)
{
	const unsigned flags = MFD_CLOEXEC | MFD_ALLOW_SEALING;
	int fd = k_memfd("corten-init", flags | MFD_EXEC);
	/* MFD_EXEC came with Linux 6.3; before, every memfd was executable. */
	if (fd == -EINVAL)
		fd = k_memfd("corten-init", flags);
	if (fd < 0)
		give_up("memfd_create", fd);
	return fd;
}

static void copy_program(int from, int to)
{
	struct statx status;
	int error = k_statx(from, "", AT_EMPTY_PATH, STATX_SIZE, &status);
	if (error < 0)
		give_up("statx", error);
	uint64_t left = status.stx_size;
	while (left > 0) {
		long copied = k_sendfile(to, from, left);
		if (copied <= 0)
			give_up("sendfile", copied < 0 ? copied : -EIO);
		left -= (uint64_t)copied;
	}
}

void run_sealed(char **argv, char **envp)
{
	CLOSING self = k_openat(AT_FDCWD, "/proc/self/exe", O_RDONLY, 0);
	if (self < 0)
		give_up("open(\"/proc/self/exe\")", self);
	int seals = k_fcntl(self, F_GET_SEALS, 0);
	if (seals >= 0 && (seals & SEALS) == SEALS)
		return;
	int copy = make_memfd();
	copy_program(self, copy);
	/* F_SEAL_EXEC (6.3) also pins the mode. */
	int error = k_fcntl(copy, F_ADD_SEALS, SEALS | F_SEAL_EXEC);
	if (error == -EINVAL)
		error = k_fcntl(copy, F_ADD_SEALS, SEALS);
	if (error < 0)
		give_up("fcntl(F_ADD_SEALS)", error);
	error = k_execveat(copy, "", argv, envp, AT_EMPTY_PATH);
	give_up("execveat", error);
}
