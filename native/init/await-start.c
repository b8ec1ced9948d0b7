/* The container that was created and waits for its start. */
#include "operations.h"
#include "spawn.h"

/* The container's system call filter may be in force already: only calls that every profile knows. */
static bool is_same_file(int fifo, int dir, const char *path, int flags)
{
	struct stat expected;
	struct stat found;
	return k_fstatat(fifo, "", &expected, AT_EMPTY_PATH) == 0 && k_fstatat(dir, path, &found, flags) == 0 &&
	       expected.st_ino == found.st_ino && expected.st_dev == found.st_dev;
}

/* Whether the container has a procfs at /proc, and finds the FIFO there. */
static bool has_procfs(int fifo, const char *path)
{
	CLOSING proc = k_openat(AT_FDCWD, "/proc", O_PATH | O_DIRECTORY | O_NOFOLLOW, 0);
	struct statfs filesystem;
	return proc >= 0 && k_fstatfs(proc, &filesystem) == 0 && filesystem.f_type == PROC_MAGIC &&
	       is_same_file(fifo, AT_FDCWD, path, 0);
}

static void close_own_descriptors(struct execution *x)
{
	k_close(x->own_descriptors);
	x->own_descriptors = -1;
}

/*
 * Blocks until `start` opens the other end. A FIFO known by an O_PATH descriptor is opened by its name in procfs:
 * in the container's, so that nothing of the host's /proc is open meanwhile; where it has none, in the host's.
 */
static int open_gate(struct execution *x, int fifo)
{
	char path[32];
	struct format out = format_start(path, sizeof(path));
	format_print(&out, "/proc/self/fd/%d", fifo);
	if (has_procfs(fifo, path)) {
		close_own_descriptors(x);
		return k_openat(AT_FDCWD, path, O_WRONLY | O_NOCTTY, 0);
	}
	out = format_start(path, sizeof(path));
	format_number(&out, fifo);
	int gate = k_openat(x->own_descriptors, path, O_WRONLY | O_NOCTTY, 0);
	close_own_descriptors(x);
	return gate;
}

static const unsigned char ending[] = { SIGHUP, SIGINT, SIGQUIT, SIGTERM };

__attribute__((noreturn)) static void end_waiting(int number)
{
	k_exit(128 + number);
}

/*
 * The first process of a PID namespace gets only those signals that it handles. One that still waits has nothing to
 * finish: it ends, as any other process would.
 */
static void handle_ending(void (*handler)(int))
{
	struct kernel_sigaction action = { .handler = handler };
#ifdef SA_RESTORER
	/* Demanded by the kernel, and never used: the handler does not return. */
	if (handler) {
		action.flags = SA_RESTORER;
		action.restorer = (void (*)(void))(uintptr_t)handler;
	}
#endif
	for (size_t i = 0; i < sizeof(ending); i++)
		k_sigaction(ending[i], &action);
}

int op_await_start(struct execution *x)
{
	int fifo = in_field(x, AWAIT_START_FIFO);
	if (x->own_descriptors < 0)
		return fail_as(x, FAILED_PROTOCOL, 0, "awaitStart belongs to the container section");
	/*
	 * CVE-2016-9962, CVE-2024-21626: a container may wait here for days, and what runs beside it must find no
	 * descriptor of the host's in this process.
	 */
	for (unsigned i = 0; i < PLAN_MAX_REGISTERS; i++) {
		if (i != unsigned_field(x, AWAIT_START_FIFO))
			clear_register(x, i);
	}
	detach(x, false);
	handle_ending(end_waiting);
	int gate = open_gate(x, fifo);
	handle_ending(NULL);
	if (gate < 0)
		return fail(x, gate, "openat(/proc/self/fd, %f, O_WRONLY)", fifo);
	/* `start` reads on until execve closes it: what fails before is told there. */
	x->gate = gate;
	if (!is_same_file(fifo, gate, "", AT_EMPTY_PATH))
		return violate(x, "/proc/self/fd of the container does not lead to %f", fifo);
	long written = k_write(gate, "0", 1);
	if (written < 0)
		return fail(x, written, "write(%f, \"0\")", fifo);
	clear_register(x, unsigned_field(x, AWAIT_START_FIFO));
	return 0;
}
