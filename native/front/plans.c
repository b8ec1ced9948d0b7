#include "plans.h"

#include "../common/format.h"
#include "../common/kernel.h"
#include "../common/memory.h"

#define SLOTS 512u

/* FNV-1a. Nothing but the choice of a slot depends on it: the whole key is compared. */
static uint32_t slot_of(const char *key, size_t length)
{
	uint32_t hash = 2166136261u;
	for (size_t i = 0; i < length; i++)
		hash = (hash ^ (unsigned char)key[i]) * 16777619u;
	return (hash ^ (hash >> 16)) % SLOTS;
}

/* A plan is executed as it stands, so nobody else may have been able to put it there. */
static bool is_own(int fd, unsigned forbidden)
{
	struct statx status;
	return k_statx(fd, "", AT_EMPTY_PATH, STATX_TYPE | STATX_MODE | STATX_UID, &status) == 0 &&
	       status.stx_uid == k_geteuid() && !(status.stx_mode & forbidden);
}

static bool open_directories(struct plans *plans, const char *root)
{
	const int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW;
	plans->root = k_openat(AT_FDCWD, root, flags, 0);
	if (plans->root < 0 || !is_own(plans->root, 022))
		return false;
	plans->directory = k_openat(plans->root, ".plans", flags, 0);
	if (plans->directory == -ENOENT && k_mkdirat(plans->root, ".plans", 0700) == 0)
		plans->directory = k_openat(plans->root, ".plans", flags, 0);
	return plans->directory >= 0 && is_own(plans->directory, 077);
}

static long read_slot(const struct plans *plans, char *bytes)
{
	int fd = k_openat(plans->directory, plans->slot, O_RDONLY | O_NOFOLLOW | O_NONBLOCK, 0);
	if (fd < 0)
		return fd;
	long length = is_own(fd, 077) ? k_read(fd, bytes, PLAN_MAX_SIZE) : -EACCES;
	k_close(fd);
	return length;
}

static void write_key(const struct plans *plans, const struct line *line)
{
	char draft[24];
	struct format name = format_start(draft, sizeof(draft));
	format_print(&name, ".%d", k_getpid());
	int fd = k_openat(plans->directory, draft, O_WRONLY | O_CREAT | O_EXCL, 0600);
	if (fd < 0)
		return;
	bool written = k_write(fd, line->key, line->key_length) == (long)line->key_length;
	k_close(fd);
	if (!written || k_renameat(plans->directory, draft, plans->directory, plans->slot, 0) < 0)
		k_unlinkat(plans->directory, draft, 0);
}

void forget_plan(const struct plans *plans, const struct line *line)
{
	write_key(plans, line);
}

static bool is_key(const struct line *line, const char *bytes, size_t length)
{
	return length == line->key_length && memcmp(bytes, line->key, length) == 0;
}

enum known look_up(struct plans *plans, const struct line *line, char *bytes, struct template *out)
{
	*plans = (struct plans){ .root = -1, .directory = -1 };
	if (!open_directories(plans, line->root))
		return KNOWN_NOWHERE;
	struct format name = format_start(plans->slot, sizeof(plans->slot));
	format_unsigned(&name, slot_of(line->key, line->key_length), 10, 3);
	long length = read_slot(plans, bytes);
	if (length > 0 && open_template(out, bytes, (size_t)length)) {
		struct reference key = out->header->key;
		if (is_key(line, bytes + key.offset, key.length))
			return KNOWN_PLAN;
	} else if (length > 0 && is_key(line, bytes, (size_t)length)) {
		return KNOWN_KEY;
	}
	write_key(plans, line);
	return KNOWN_NEW;
}
