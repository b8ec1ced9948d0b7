/* HOME of the container's user. */
#include "inside.h"
#include "operations.h"

#include "../common/memory.h"

#define PREFIX "HOME="
/* No account file is longer than this; one that never ends is the container's doing. */
#define MAX_ACCOUNTS (1 << 24)

enum { FIELD_UID = 2, FIELD_HOME = 5 };

/* Where a reader is in the lines of passwd(5). */
struct accounts {
	int field;
	/* The user's number on this line; -1: none that could be one. */
	int64_t uid;
	bool has_digits;
	struct format home;
};

static void begin_line(struct accounts *at, char home[HOME_SIZE])
{
	at->field = 0;
	at->uid = 0;
	at->has_digits = false;
	at->home = format_start(home, HOME_SIZE);
	format_text(&at->home, PREFIX);
}

static void take(struct accounts *at, char byte)
{
	if (byte == ':') {
		at->field++;
	} else if (at->field == FIELD_HOME) {
		format_bytes(&at->home, &byte, 1);
	} else if (at->field == FIELD_UID) {
		bool fits = byte >= '0' && byte <= '9' && at->uid >= 0 && at->uid <= UINT32_MAX;
		at->uid = fits ? at->uid * 10 + (byte - '0') : -1;
		at->has_digits = true;
	}
}

/* The line is the user's, and names an absolute path that fits. */
static bool is_home(const struct accounts *at, int64_t uid)
{
	size_t length = at->home.length;
	return at->has_digits && at->uid == uid && at->field >= FIELD_HOME && length < HOME_SIZE - 1 &&
	       length > sizeof(PREFIX) - 1 && at->home.data[sizeof(PREFIX) - 1] == '/';
}

/* -1 unless it is a plain file: what stands there is the container's, and may be a FIFO or the kernel's log. */
static int open_accounts(void)
{
	int fd = open_resolved(AT_FDCWD, "/etc/passwd", O_RDONLY | O_NONBLOCK | O_NOCTTY, 0, RESOLVE_NO_MAGICLINKS);
	struct statx status;
	struct statfs filesystem;
	if (fd < 0)
		return -1;
	if (k_statx(fd, "", AT_EMPTY_PATH, STATX_TYPE, &status) >= 0 && S_ISREG(status.stx_mode) &&
	    k_fstatfs(fd, &filesystem) >= 0 && filesystem.f_type != PROC_MAGIC)
		return fd;
	k_close(fd);
	return -1;
}

int op_find_home(struct execution *x)
{
	int64_t uid = int_field(x, FIND_HOME_UID);
	CLOSING fd = open_accounts();
	struct accounts at;
	begin_line(&at, x->home);
	char buffer[4096];
	long length = 0;
	for (long total = 0; fd >= 0 && total < MAX_ACCOUNTS; total += length) {
		length = k_read(fd, buffer, sizeof(buffer));
		if (length <= 0)
			break;
		for (long i = 0; i < length; i++) {
			if (buffer[i] && buffer[i] != '\n') {
				take(&at, buffer[i]);
				continue;
			}
			if (is_home(&at, uid))
				return 0;
			begin_line(&at, x->home);
		}
	}
	if (is_home(&at, uid))
		return 0;
	begin_line(&at, x->home);
	format_text(&at.home, "/");
	return 0;
}
