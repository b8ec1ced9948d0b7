#include "inherited.h"

#include <linux/close_range.h>
#include <linux/resource.h>

#define FIRST_OTHER 3

static bool is_open(int fd)
{
	return k_fcntl(fd, F_GETFD, 0) >= 0;
}

/* One more than the largest number that a descriptor may have, as far as it is sensible to go. */
static unsigned descriptor_limit(void)
{
	struct rlimit64 limit;
	if (call4(__NR_prlimit64, 0, RLIMIT_NOFILE, NULL, &limit) < 0 || limit.rlim_cur > 65536)
		return 65536;
	return (unsigned)limit.rlim_cur;
}

static void close_interval(unsigned first, unsigned last, bool cloexec)
{
	if (k_close_range(first, last, cloexec ? CLOSE_RANGE_CLOEXEC : 0) == 0)
		return;
	unsigned limit = descriptor_limit();
	for (unsigned fd = first; fd < limit && fd <= last; fd++) {
		if (cloexec)
			k_fcntl((int)fd, F_SETFD, FD_CLOEXEC);
		else
			k_close((int)fd);
	}
}

void close_from(unsigned first, int kept, bool cloexec)
{
	if (kept < (int)first) {
		close_interval(first, ~0U, cloexec);
		return;
	}
	if ((unsigned)kept > first)
		close_interval(first, (unsigned)kept - 1, cloexec);
	close_interval((unsigned)kept + 1, ~0U, cloexec);
}

/* The largest `first` of the plan's closeFrom operations. */
static int64_t first_closed(const struct execution *x)
{
	int64_t first = FIRST_OTHER;
	for (uint32_t i = 0; i < x->plan.operations; i++) {
		const struct record *record = &x->plan.records[i];
		if (record->code == OP_CLOSE_FROM && (int64_t)record->field[CLOSE_FROM_FIRST] > first)
			first = (int64_t)record->field[CLOSE_FROM_FIRST];
	}
	return first;
}

static int open_standard(struct execution *x)
{
	for (int fd = 0; fd < FIRST_OTHER; fd++) {
		if (is_open(fd))
			continue;
		/* The lowest free number, which is this one. It stays open over execve. */
		int null = (int)call4(__NR_openat, AT_FDCWD, "/dev/null", O_RDWR, 0);
		if (null < 0)
			return fail(x, null, "openat(AT_FDCWD, \"/dev/null\")");
	}
	return 0;
}

int take_inherited(struct execution *x)
{
	if (open_standard(x) < 0)
		return -1;
	int64_t first = first_closed(x);
	if (first > FIRST_OTHER + MAX_PRESERVED)
		return fail(x, EINVAL, "close_range(%l): more than %d descriptors preserved", first, MAX_PRESERVED);
	x->first_own = (int)first;
	close_from((unsigned)x->first_own, -1, false);
	if (x->first_own == FIRST_OTHER)
		return 0;
	for (int fd = FIRST_OTHER; fd < x->first_own; fd++) {
		if (is_open(fd))
			x->preserved[(fd - FIRST_OTHER) / 64] |= (uint64_t)1 << ((fd - FIRST_OTHER) % 64);
		else if (k_dup3(0, fd, O_CLOEXEC) < 0)
			return fail(x, EMFILE, "dup3(0, %d)", fd);
		k_fcntl(fd, F_SETFD, FD_CLOEXEC);
	}
	return 0;
}

void release_preserved(struct execution *x)
{
	for (int fd = FIRST_OTHER; fd < x->first_own; fd++) {
		if (x->preserved[(fd - FIRST_OTHER) / 64] >> ((fd - FIRST_OTHER) % 64) & 1)
			k_fcntl(fd, F_SETFD, 0);
		else
			k_close(fd);
	}
}
