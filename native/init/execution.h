/*
 * The state of a running plan, and the error contract of corten-init:
 *
 * A function that can fail returns a negative number and has then filled `failure` once, with one of the three
 * functions below; success never touches it. Descriptors live in registers, or in variables that close themselves.
 */
#ifndef CORTEN_EXECUTION_H
#define CORTEN_EXECUTION_H

#include "../common/format.h"
#include "../common/kernel.h"
#include "plan.h"

#define MESSAGE_SIZE 6144
#define EXECUTABLE_SIZE 4096
#define HOME_SIZE 1024

enum failure_kind {
	FAILED_ERRNO,
	/* Something is not what it must be: an attack, or a root file system that invites one. */
	FAILED_SAFETY,
	FAILED_HOOK,
	FAILED_EXECUTABLE,
	/* A process died, or the caller interrupted. */
	FAILED_SIGNAL,
	FAILED_PROTOCOL,
};

struct failure {
	enum plan_section section;
	/* Of the operation in its section; -1 outside of any. */
	int index;
	enum failure_kind kind;
	int number;
	char message[MESSAGE_SIZE];
};

/* The child that `clone` made. */
struct child {
	/* 0: none. */
	int pid;
	int pidfd;
	/* Set once it was waited for. */
	bool ended;
	/* It has reached execute or awaitStart: from there on it lives without its parent. */
	bool detached;
	bool executed;
	/* As waitid tells it. */
	int code;
	int status;
};

/* A child that is asked in a protocol of its own. */
struct servant {
	/* 0: none. */
	int pid;
	int socket;
};

struct execution {
	struct plan plan;
	char **environment;
	enum plan_section section;
	/* The operation that runs. */
	const struct record *operation;
	int index;
	int registers[PLAN_MAX_REGISTERS];
	/* The socket to the other section; -1: none. */
	int channel;
	/* The child's own /proc/self/fd, opened while /proc is the host's; -1 where awaitStart is not planned. */
	int own_descriptors;
	/* The FIFO through which `start` let this container go, open until execve; -1: none. */
	int gate;
	/* The host section's pending signals; -1 elsewhere. */
	int signals;
	struct child child;
	struct servant servant;
	/* In the child of `clone`. */
	bool is_child;
	/* The caller's, for hooks and for what the executor becomes after a failure. */
	signal_set caller_signals;
	unsigned caller_umask;
	/* Inherited descriptors from 3 on that the program keeps: bit n is descriptor 3+n. */
	uint64_t preserved[16];
	/* First descriptor after the preserved ones. */
	int first_own;
	/* The host section ends here, successfully, with `exit_code`. */
	bool finished;
	int exit_code;
	/* The empty mount of maskedPaths once it covers something; -1: none does. */
	int attached_cover;
	/* What findExecutable found; empty: nothing. */
	char executable[EXECUTABLE_SIZE];
	/* What findHome found, as a variable; empty: it did not look. */
	char home[HOME_SIZE];
	struct failure failure;
};

#define MAX_PRESERVED (16 * 64)

/* `errno_number` may be given positive or negated. Returns -1. */
int fail(struct execution *x, long errno_number, const char *pattern, ...);
/* A violation of safety: the message stands alone. */
int violate(struct execution *x, const char *pattern, ...);
int fail_as(struct execution *x, enum failure_kind kind, long errno_number, const char *pattern, ...);

/* A message with descriptors shown as `[7]</rootfs>`. */
void describe(struct execution *x, struct format *out, const char *pattern, ...);

/* A descriptor that closes itself when its variable goes out of scope. */
static inline void close_variable(const int *fd)
{
	if (*fd >= 0)
		k_close(*fd);
}
#define CLOSING __attribute__((cleanup(close_variable), unused)) int

/* ── fields of the operation that runs ── */
static inline uint64_t raw_field(const struct execution *x, unsigned field)
{
	return x->operation->field[field];
}

static inline int64_t int_field(const struct execution *x, unsigned field)
{
	return (int64_t)raw_field(x, field);
}

static inline unsigned unsigned_field(const struct execution *x, unsigned field)
{
	return (unsigned)raw_field(x, field);
}

/* NULL when absent. */
static inline const char *text_field(const struct execution *x, unsigned field)
{
	return plan_text(&x->plan, raw_field(x, field));
}

static inline size_t data_length(const struct execution *x, unsigned field)
{
	return plan_length(raw_field(x, field));
}

/* The descriptor in a register that is read; -1 when the field is absent. */
static inline int in_field(const struct execution *x, unsigned field)
{
	return raw_field(x, field) == PLAN_ABSENT ? -1 : x->registers[raw_field(x, field)];
}

/* As `in_field`; the working directory when absent. */
static inline int dir_field(const struct execution *x, unsigned field)
{
	return raw_field(x, field) == PLAN_ABSENT ? AT_FDCWD : x->registers[raw_field(x, field)];
}

/* Stores a new descriptor in a register, which closes what was there. Returns 0. */
int out_field(struct execution *x, unsigned field, int fd);

/* Lets go of a register. */
void clear_register(struct execution *x, unsigned number);

/*
 * A list as argv: NULL-terminated, in a mapping of its own that lasts until the process becomes another program.
 * One more entry is left free at the end. Returns NULL after filling the failure.
 */
char **list_vector(struct execution *x, uint64_t list);

/* Runs a section's operations. Returns 0, or a negative number with the failure filled. */
int run_section(struct execution *x, enum plan_section section);

#endif
