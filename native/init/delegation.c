/* Control groups of version 2: controllers for what is below, other owners, and limits that have two names. */
#include "files.h"
#include "operations.h"

#include "../common/memory.h"

#define KNOB_SIZE 1024
#define MAX_CONTROLLERS 32

/* Reads a small knob as text. Returns its length, or an errno number negated. */
static long read_knob(int dir, const char *name, char text[KNOB_SIZE])
{
	CLOSING fd = k_openat(dir, name, O_RDONLY, 0);
	if (fd < 0)
		return fd;
	long length = k_read(fd, text, KNOB_SIZE - 1);
	text[length > 0 ? length : 0] = '\0';
	return length;
}

static bool is_blank(char letter)
{
	return letter == ' ' || letter == '\n';
}

/* The next word of a list; false at its end. */
static bool next_word(const char **at, const char **word, size_t *length)
{
	while (is_blank(**at))
		(*at)++;
	*word = *at;
	while (**at && !is_blank(**at))
		(*at)++;
	*length = (size_t)(*at - *word);
	return *length > 0;
}

static bool has_word(const char *list, const char *wanted, size_t wanted_length)
{
	const char *word;
	size_t length;
	while (next_word(&list, &word, &length)) {
		if (length != wanted_length)
			continue;
		size_t same = 0;
		while (same < length && word[same] == wanted[same])
			same++;
		if (same == length)
			return true;
	}
	return false;
}

int op_enable_controllers(struct execution *x)
{
	const char *path = text_field(x, ENABLE_CONTROLLERS_PATH);
	CLOSING dir = k_openat(AT_FDCWD, path, O_PATH | O_DIRECTORY, 0);
	if (dir < 0)
		return fail(x, dir, "openat(AT_FDCWD, %q, O_DIRECTORY)", path);
	char offered[KNOB_SIZE];
	char enabled[KNOB_SIZE];
	if (read_knob(dir, "cgroup.controllers", offered) < 0 || read_knob(dir, "cgroup.subtree_control", enabled) < 0)
		return 0;
	char all[KNOB_SIZE];
	struct format out = format_start(all, sizeof(all));
	const char *words[MAX_CONTROLLERS];
	size_t lengths[MAX_CONTROLLERS];
	int count = 0;
	const char *at = offered;
	while (count < MAX_CONTROLLERS && next_word(&at, &words[count], &lengths[count])) {
		if (has_word(enabled, words[count], lengths[count]))
			continue;
		format_text(&out, count > 0 ? " +" : "+");
		format_bytes(&out, words[count], lengths[count]);
		count++;
	}
	if (count == 0)
		return 0;
	CLOSING knob = k_openat(dir, "cgroup.subtree_control", O_WRONLY, 0);
	if (knob < 0 || k_write(knob, all, text_length(all)) >= 0)
		return 0;
	/* A group with real-time processes refuses cpu, a threaded one memory; the others are not lost for that. */
	for (int i = 0; i < count; i++) {
		out = format_start(all, sizeof(all));
		format_text(&out, "+");
		format_bytes(&out, words[i], lengths[i]);
		k_write(knob, all, text_length(all));
	}
	return 0;
}

int op_delegate_cgroup(struct execution *x)
{
	const char *path = text_field(x, DELEGATE_CGROUP_PATH);
	unsigned uid = unsigned_field(x, DELEGATE_CGROUP_UID);
	uint64_t files = raw_field(x, DELEGATE_CGROUP_FILES);
	CLOSING dir = k_openat(AT_FDCWD, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0);
	if (dir < 0)
		return fail(x, dir, "openat(AT_FDCWD, %q, O_DIRECTORY)", path);
	int error = change_owner(dir, uid, -1);
	if (error < 0)
		return fail(x, error, "fchownat(%q, %d)", path, (int)uid);
	for (uint32_t i = 0; i < plan_length(files); i++) {
		const char *name = plan_element(&x->plan, files, i);
		error = k_fchownat(dir, name, uid, (unsigned)-1, AT_SYMLINK_NOFOLLOW);
		/* The list is of all that the kernel knows; a group has those of its controllers. */
		if (error < 0 && error != -ENOENT)
			return fail(x, error, "fchownat(%q/%s, %d)", path, name, (int)uid);
	}
	return 0;
}

int op_write_first(struct execution *x)
{
	uint64_t paths = raw_field(x, WRITE_FIRST_PATHS);
	uint64_t data = raw_field(x, WRITE_FIRST_DATA);
	uint32_t count = plan_length(paths);
	if (count == 0 || plan_length(data) != count)
		return fail_as(x, FAILED_PROTOCOL, 0, "writeFirst has %d paths and %d values", (int)count,
		               (int)plan_length(data));
	for (uint32_t i = 0;; i++) {
		const char *path = plan_element(&x->plan, paths, i);
		const char *value = plan_element(&x->plan, data, i);
		int fd = k_openat(AT_FDCWD, path, O_WRONLY, 0);
		if (fd == -ENOENT && i + 1 < count)
			continue;
		return write_file(x, fd, AT_FDCWD, path, value, text_length(value), 0);
	}
}

int op_linger(struct execution *x)
{
	int64_t ms = int_field(x, LINGER_MS);
	const signal_set none = 0;
	k_sigmask(SIG_SETMASK, &none, NULL);
	k_sleep((long)(ms < 0 ? 0 : ms > 600000 ? 600000 : ms) * 1000000L);
	return 0;
}
