#include "load.h"

#include "../common/names.h"
#include "failure.h"

#include <linux/mman.h>

static int complain(const char *path, const char *what, long error)
{
	print_message("%s: %s%s%s", path, what, error ? ": " : "", errno_name((int)-error));
	return -1;
}

/* Reads all of the file; what another process writes to it later changes nothing. */
static int read_all(int fd, char *bytes, size_t length)
{
	size_t done = 0;
	while (done < length) {
		long got = k_read(fd, bytes + done, length - done);
		if (got < 0)
			return (int)got;
		if (got == 0)
			return -ENODATA;
		done += (size_t)got;
	}
	return 0;
}

int load_plan(struct execution *x, const char *path)
{
	/* O_NONBLOCK: a FIFO in the file's place does not hang the executor; it is refused below. */
	CLOSING fd = k_openat(AT_FDCWD, path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY, 0);
	if (fd < 0)
		return complain(path, "open", fd);
	struct statx status;
	int error = k_statx(fd, "", AT_EMPTY_PATH, STATX_TYPE | STATX_UID | STATX_SIZE, &status);
	if (error < 0)
		return complain(path, "statx", error);
	if (!S_ISREG(status.stx_mode))
		return complain(path, "the plan is not a regular file", 0);
	if (status.stx_uid != k_geteuid())
		return complain(path, "the plan belongs to another user", 0);
	if (status.stx_size < PLAN_HEADER_SIZE)
		return complain(path, "the plan is shorter than its header", 0);
	if (status.stx_size > PLAN_MAX_SIZE)
		return complain(path, "the plan is too long", 0);
	size_t length = (size_t)status.stx_size;
	long address = k_map(length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS);
	if (address < 0 && address > -4096)
		return complain(path, "mmap", address);
	char *bytes = (char *)address;
	error = read_all(fd, bytes, length);
	if (error < 0)
		return complain(path, "read", error);
	/* It holds the container's environment: it is not left lying about. */
	error = k_unlinkat(AT_FDCWD, path, 0);
	if (error < 0)
		return complain(path, "unlink", error);
	k_protect(bytes, length, PROT_READ);

	int64_t record;
	const char *wrong = plan_decode(&x->plan, bytes, length, &record);
	if (wrong && record >= 0)
		print_message("%s: %s in operation %l", path, wrong, record);
	else if (wrong)
		print_message("%s: %s", path, wrong);
	return wrong ? -1 : 0;
}
