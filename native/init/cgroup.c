/* Cgroups: removal with everything in them, and the values that a v1 cpuset needs before it takes a process. */
#include "files.h"
#include "inside.h"
#include "operations.h"

#include "../common/memory.h"

#define MAX_DEPTH 32
#define FIRST_PAUSE 1000000L
#define LONGEST_PAUSE 64000000L
/* Together about two seconds. */
#define PAUSES 36

struct cgroup_level {
	int fd;
	char name[256];
};

/* SIGKILL to each process listed, which v1 offers no single knob for. Returns how many there were. */
static int kill_listed(int dir)
{
	CLOSING procs = k_openat(dir, "cgroup.procs", O_RDONLY, 0);
	if (procs < 0)
		return 0;
	char text[4096];
	int count = 0;
	uint64_t pid = 0;
	long length;
	while ((length = k_read(procs, text, sizeof(text))) > 0) {
		for (long i = 0; i < length; i++) {
			if (text[i] >= '0' && text[i] <= '9') {
				pid = pid * 10 + (uint64_t)(text[i] - '0');
			} else if (pid > 0) {
				if (pid > 1 && pid < INT32_MAX && (int)pid != k_getpid())
					k_kill((int)pid, SIGKILL);
				pid = 0;
				count++;
			}
		}
	}
	return count;
}

static void kill_cgroup(int dir)
{
	CLOSING knob = k_openat(dir, "cgroup.kill", O_WRONLY, 0);
	if (knob >= 0 && k_write(knob, "1", 1) == 1)
		return;
	/* A fork can race with the listing: the caller repeats this until the cgroup can be removed. */
	kill_listed(dir);
}

/* Opens the first child cgroup. Returns a descriptor, -ENOENT when there is none. */
static int open_first_child(int dir, char name[256])
{
	_Alignas(8) char entries[2048];
	k_seek(dir, 0, 0);
	for (;;) {
		long length = k_entries(dir, entries, sizeof(entries));
		if (length <= 0)
			return length < 0 ? (int)length : -ENOENT;
		for (long offset = 0; offset < length;) {
			const struct kernel_directory_entry *entry =
				(const struct kernel_directory_entry *)(const void *)(entries + offset);
			offset += entry->length;
			if (entry->type != ENTRY_DIRECTORY || entry->name[0] == '.')
				continue;
			struct format out = format_start(name, 256);
			format_text(&out, entry->name);
			return open_resolved(dir, entry->name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0,
			                     RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV);
		}
	}
}

/* rmdir with back-off: a killed process leaves its cgroup a little later. */
static int remove_empty(int parent, const char *name, int dir, bool kill)
{
	long pause = FIRST_PAUSE;
	for (int tries = 0;; tries++) {
		int error = k_unlinkat(parent, name, AT_REMOVEDIR);
		if (error == -ENOENT)
			return 0;
		if (error != -EBUSY || tries == PAUSES)
			return error;
		if (kill)
			kill_cgroup(dir);
		k_sleep(pause);
		pause = pause * 2 > LONGEST_PAUSE ? LONGEST_PAUSE : pause * 2;
	}
}

static int remove_levels(struct cgroup_level levels[MAX_DEPTH], int *depth, bool kill)
{
	for (;;) {
		struct cgroup_level *level = &levels[*depth - 1];
		if (kill)
			kill_cgroup(level->fd);
		char name[256];
		int child = open_first_child(level->fd, name);
		if (child >= 0) {
			if (*depth == MAX_DEPTH) {
				k_close(child);
				return -ELOOP;
			}
			levels[*depth].fd = child;
			memcpy(levels[*depth].name, name, sizeof(name));
			(*depth)++;
			continue;
		}
		if (child != -ENOENT)
			return child;
		if (*depth == 1)
			return 0;
		struct cgroup_level *parent = &levels[*depth - 2];
		int error = remove_empty(parent->fd, level->name, level->fd, kill);
		k_close(level->fd);
		(*depth)--;
		if (error < 0)
			return error;
	}
}

int op_remove_cgroup(struct execution *x)
{
	const char *path = text_field(x, REMOVE_CGROUP_PATH);
	bool kill = int_field(x, REMOVE_CGROUP_KILL) != 0;
	struct cgroup_level levels[MAX_DEPTH];
	int depth = 1;
	levels[0].fd = k_openat(AT_FDCWD, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0);
	if (levels[0].fd == -ENOENT)
		return 0;
	if (levels[0].fd < 0)
		return fail(x, levels[0].fd, "openat(AT_FDCWD, %q, O_DIRECTORY)", path);
	int error = remove_levels(levels, &depth, kill);
	if (error == 0)
		error = remove_empty(AT_FDCWD, path, levels[0].fd, kill);
	while (depth > 0)
		k_close(levels[--depth].fd);
	return error < 0 ? fail(x, error, "rmdir(%q)", path) : 0;
}

/* Copies one knob from the parent where the child's is empty. */
static int inherit_knob(struct execution *x, int parent, int child, const char *knob, const char *path)
{
	char present[8];
	CLOSING own = k_openat(child, knob, O_RDONLY, 0);
	if (own < 0)
		return fail(x, own, "openat(%q/%s)", path, knob);
	long length = k_read(own, present, sizeof(present));
	if (length > 0 && present[0] != '\n')
		return 0;
	char value[4096];
	CLOSING source = k_openat(parent, knob, O_RDONLY, 0);
	if (source < 0)
		return fail(x, source, "openat(%q/../%s)", path, knob);
	length = k_read(source, value, sizeof(value));
	if (length < 0)
		return fail(x, length, "read(%q/../%s)", path, knob);
	int fd = k_openat(child, knob, O_WRONLY, 0);
	return write_file(x, fd, child, knob, value, (size_t)length, 0);
}

int op_inherit_cpuset(struct execution *x)
{
	const char *top = text_field(x, INHERIT_CPUSET_TOP);
	const char *path = text_field(x, INHERIT_CPUSET_PATH);
	if (!text_starts(path, top))
		return fail(x, EINVAL, "cpuset %q is not below %q", path, top);
	char prefix[4096];
	size_t length = text_length(path);
	if (length >= sizeof(prefix))
		return fail(x, ENAMETOOLONG, "openat(%q)", path);
	memcpy(prefix, path, length + 1);
	CLOSING parent = k_openat(AT_FDCWD, top, O_RDONLY | O_DIRECTORY, 0);
	if (parent < 0)
		return fail(x, parent, "openat(%q)", top);
	size_t end = text_length(top);
	while (path[end]) {
		while (path[end] == '/')
			end++;
		if (!path[end])
			break;
		while (path[end] && path[end] != '/')
			end++;
		prefix[end] = '\0';
		int child = k_openat(AT_FDCWD, prefix, O_RDONLY | O_DIRECTORY, 0);
		if (child < 0)
			return fail(x, child, "openat(%q)", prefix);
		int error = inherit_knob(x, parent, child, "cpuset.cpus", prefix);
		if (error == 0)
			error = inherit_knob(x, parent, child, "cpuset.mems", prefix);
		k_close(parent);
		parent = child;
		if (error < 0)
			return error;
		prefix[end] = path[end];
	}
	return 0;
}
