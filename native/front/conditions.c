/* What a plan was made from, looked at again: a few system calls instead of a compilation. */
#include "../common/format.h"
#include "../common/kernel.h"
#include "../common/memory.h"
#include "../common/process-stat.h"
#include "template.h"

#include <linux/capability.h>
#include <linux/prctl.h>
#include <linux/utsname.h>

#define PATH_SIZE 4096

/* The file holds exactly these bytes. */
static bool has_content(const char *path, const char *bytes, size_t length)
{
	int fd = k_openat(AT_FDCWD, path, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0);
	if (fd < 0)
		return false;
	char buffer[4096];
	size_t done = 0;
	long got;
	while ((got = k_read(fd, buffer, sizeof(buffer))) > 0) {
		if ((size_t)got > length - done || memcmp(buffer, bytes + done, (size_t)got) != 0)
			break;
		done += (size_t)got;
	}
	k_close(fd);
	return got == 0 && done == length;
}

static bool look(const char *path, struct statx *status)
{
	return k_statx(AT_FDCWD, path, 0, STATX_TYPE | STATX_INO | STATX_MTIME, status) == 0;
}

/* `path` still leads to `real`, and that is still reached without a symlink: the plan opens it by this name. */
static bool leads_to(const char *path, const char *real)
{
	struct statx one;
	struct statx other;
	struct open_how how = { .flags = O_PATH | O_CLOEXEC, .resolve = RESOLVE_NO_SYMLINKS };
	int fd = (int)call4(__NR_openat2, AT_FDCWD, real, &how, sizeof(how));
	if (fd < 0)
		return false;
	int error = k_statx(fd, "", AT_EMPTY_PATH, STATX_INO, &other);
	k_close(fd);
	return error == 0 && look(path, &one) && one.stx_ino == other.stx_ino &&
	       one.stx_dev_major == other.stx_dev_major && one.stx_dev_minor == other.stx_dev_minor;
}

static bool is_file_of(const char *path, uint64_t inode, uint64_t device)
{
	struct statx status;
	return look(path, &status) && status.stx_ino == inode &&
	       (((uint64_t)status.stx_dev_major << 32) | status.stx_dev_minor) == device;
}

/* Replaced programs have another inode, those written over another time. */
static bool is_unchanged(const char *path, uint64_t inode, uint64_t modified)
{
	struct statx status;
	return look(path, &status) && status.stx_ino == inode &&
	       (uint64_t)status.stx_mtime.tv_sec * 1000 + status.stx_mtime.tv_nsec / 1000000 == modified;
}

static bool has_capabilities(uint64_t permitted, uint64_t bounding)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2];
	if (call2(__NR_capget, &header, data) < 0)
		return false;
	uint64_t bound = 0;
	for (unsigned i = 0; i < 64; i++) {
		int has = k_prctl(PR_CAPBSET_READ, i, 0);
		if (has < 0)
			break;
		bound |= (uint64_t)(has != 0) << i;
	}
	return (((uint64_t)data[1].permitted << 32) | data[0].permitted) == permitted && bound == bounding;
}

static bool is_kernel(const char *release)
{
	struct new_utsname name;
	return call1(__NR_uname, &name) == 0 && text_equal(name.release, release);
}

static bool holds(const struct template *template, const struct condition *condition, const struct parameters *with)
{
	const char *path = template->bytes + condition->path.offset;
	struct statx status;
	switch (condition->kind) {
	case CONDITION_CONTENT:
		return has_content(path, template->bytes + condition->data.offset, condition->data.length);
	case CONDITION_LEADS_TO:
		return leads_to(path, template->bytes + condition->data.offset);
	case CONDITION_FILE:
		return is_file_of(path, condition->first, condition->second);
	case CONDITION_UNCHANGED:
		return is_unchanged(path, condition->first, condition->second);
	case CONDITION_DIRECTORY:
		return look(path, &status) && S_ISDIR(status.stx_mode) == (condition->first != 0);
	case CONDITION_ABSENT: {
		char filled[PATH_SIZE];
		if (condition->first >= template->header->texts.length ||
		    fill_text(template, (uint32_t)condition->first, with, filled, sizeof(filled)) < 0)
			return false;
		return k_faccessat(AT_FDCWD, filled, 0) == -ENOENT;
	}
	case CONDITION_CAPABILITIES:
		return has_capabilities(condition->first, condition->second);
	case CONDITION_KERNEL:
		return is_kernel(path);
	case CONDITION_ALIVE: {
		uint64_t start;
		return process_start_time((int)condition->first, &start) == 0 && start == condition->second &&
		       !process_is_ending((int)condition->first);
	}
	default:
		return false;
	}
}

bool conditions_hold(const struct template *template, const struct parameters *with)
{
	const struct condition *conditions = (const void *)(template->bytes + template->header->conditions.offset);
	for (uint32_t i = 0; i < template->header->conditions.length; i++) {
		if (!holds(template, &conditions[i], with))
			return false;
	}
	return true;
}
