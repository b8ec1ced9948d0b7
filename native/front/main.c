/*
 * corten-oci: the front door. A start whose plan is known goes straight to the executor, without any JavaScript;
 * everything else is the business of the program `corten` beside this one.
 */
#include "../common/format.h"
#include "../common/kernel.h"
#include "../common/memory.h"
#include "../common/names.h"
#include "line.h"
#include "plans.h"
#include "replay.h"
#include "start.h"

#include <linux/mman.h>
#include <linux/prctl.h>

int main(int argc, char **argv, char **envp);

#define PATH_SIZE 4096
#define MAX_ENVIRONMENT 16384
/* Words of options before a command. */
#define MAX_OPTIONS 32

/* The installation's directory, from this program's own path. */
static bool beside(char *out, const char *name)
{
	long length = k_readlinkat(AT_FDCWD, "/proc/self/exe", out, PATH_SIZE - 64);
	if (length <= 0 || length >= PATH_SIZE - 64)
		return false;
	while (length > 0 && out[length - 1] != '/')
		length--;
	struct format path = format_start(out + length, PATH_SIZE - (size_t)length);
	format_text(&path, name);
	return true;
}

/* True for variables that change what a start does, and that only the whole command line knows. */
static bool is_special(const char *variable)
{
	return text_starts(variable, "LISTEN_FDS=") || text_starts(variable, "LISTEN_PID=") ||
	       text_starts(variable, "NOTIFY_SOCKET=");
}

static bool has_special(char *const *envp)
{
	for (; *envp; envp++) {
		if (is_special(*envp))
			return true;
	}
	return false;
}

/*
 * Becomes the whole command line. BUN_OPTIONS and the like would make another program of it; `assignment` is one more
 * variable, by which this program speaks to it.
 */
__attribute__((noreturn)) static void become_corten(char **argv, char *const *envp, char *assignment)
{
	static char *environment[MAX_ENVIRONMENT];
	char program[PATH_SIZE] = "corten";
	unsigned count = 0;
	for (; *envp && count < MAX_ENVIRONMENT - 2; envp++) {
		if (!text_starts(*envp, "BUN_") && !text_starts(*envp, "CORTEN_STORE_PLAN=") &&
		    !text_starts(*envp, "CORTEN_HANDOFF="))
			environment[count++] = *envp;
	}
	if (assignment)
		environment[count++] = assignment;
	argv[0] = (char *)(uintptr_t)"corten-oci";
	int error = -ENOENT;
	if (beside(program, "corten"))
		error = k_execve(program, argv, environment);
	static char message[PATH_SIZE + 64];
	struct format text = format_start(message, sizeof(message));
	format_print(&text, "corten-oci: error: cannot run %s: %s\n", program, errno_name(-error));
	k_write(2, message, text.length);
	k_exit(125);
}

/* True where the container is to inherit descriptors: the JavaScript engine would close them as it becomes another program. */
static bool hands_on_descriptors(char *const *argv, char *const *envp)
{
	for (; *envp; envp++) {
		if (text_starts(*envp, "LISTEN_FDS="))
			return true;
	}
	for (; *argv; argv++) {
		if (text_starts(*argv, "--preserve-fds") || text_starts(*argv, "-preserve-fds"))
			return true;
	}
	return false;
}

/* In the child: the command line writes to `pipe` which plan is to be performed, instead of performing it. */
__attribute__((noreturn)) static void prepare_plan(char **argv, char *const *envp, int parent, int pipe)
{
	static char assignment[64];
	k_prctl(PR_SET_PDEATHSIG, SIGKILL, 0);
	if ((int)call0(__NR_getppid) != parent)
		k_exit(125);
	struct format text = format_start(assignment, sizeof(assignment));
	format_print(&text, "CORTEN_HANDOFF=%d", pipe);
	k_fcntl(pipe, F_SETFD, 0);
	become_corten(argv, envp, assignment);
}

/* A child prepares the plan; this process, which still has all its descriptors, becomes the executor. */
__attribute__((noreturn)) static void hand_off(char **argv, char *const *envp)
{
	static char plan[PATH_SIZE];
	char executor[PATH_SIZE];
	int ends[2];
	int self = k_getpid();
	if (k_pipe(ends, O_CLOEXEC) < 0)
		k_exit(125);
	long child = call5(__NR_clone, SIGCHLD, 0, 0, 0, 0);
	if (child == 0)
		prepare_plan(argv, envp, self, ends[1]);
	k_close(ends[1]);
	size_t length = 0;
	long got = 0;
	while (child > 0 && length < sizeof(plan) - 1 &&
	       (got = k_read(ends[0], plan + length, sizeof(plan) - 1 - length)) > 0)
		length += (size_t)got;
	k_close(ends[0]);
	siginfo_t info = { 0 };
	if (child < 0 || k_waitid(P_PID, (int)child, &info, WEXITED) < 0 || info.si_code != CLD_EXITED)
		k_exit(125);
	if (info.si_status != 0 || length == 0)
		k_exit(info.si_status);
	char *const arguments[] = { (char *)(uintptr_t)"corten-init", plan, NULL };
	char *const nothing[] = { NULL };
	if (beside(executor, "native/corten-init"))
		k_execve(executor, arguments, nothing);
	k_exit(125);
}

/* Has the command line tell of a failed start, where the caller's options want to read it. */
__attribute__((noreturn)) static void report(const struct line *line, char **argv, char *const *envp, char *account)
{
	static char *words[MAX_OPTIONS + 6];
	char *const last[] = { (char *)(uintptr_t)"report-failure", (char *)(uintptr_t)"--kind",
		               (char *)(uintptr_t)"start", (char *)(uintptr_t)line->id, account, NULL };
	int count = 0;
	for (; count < line->command && count < MAX_OPTIONS; count++)
		words[count] = argv[count];
	for (unsigned i = 0; i < sizeof(last) / sizeof(last[0]); i++)
		words[count + (int)i] = last[i];
	become_corten(words, envp, NULL);
}

static char *map(size_t size)
{
	long address = k_map(size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS);
	return address < 0 && address > -4096 ? NULL : (char *)address;
}

/* Starts a container and ends, or has the whole command line do it, or tell why it failed. */
__attribute__((noreturn)) static void start(const struct line *line, char **argv, char *const *envp)
{
	static char account[PATH_SIZE + 64];
	if (line->command > MAX_OPTIONS)
		become_corten(argv, envp, NULL);
	switch (start_container(line, account, sizeof(account))) {
	case START_DONE:
		k_exit(0);
	case START_FAILED:
		report(line, argv, envp, account);
	default:
		become_corten(argv, envp, NULL);
	}
}

int main(int argc, char **argv, char **envp)
{
	static char key[KEY_SIZE];
	static char store[PATH_SIZE + 32];
	char executor[PATH_SIZE];
	struct line line;
	/* Others than the superuser have another default root, and plans that depend on more than is looked at here. */
	if (hands_on_descriptors(argv, envp))
		hand_off(argv, envp);
	if (k_geteuid() != 0 || has_special(envp) || !read_line(&line, key, argc, argv))
		become_corten(argv, envp, NULL);
	if (line.starts)
		start(&line, argv, envp);
	char *stored = map(PLAN_MAX_SIZE);
	char *filled = map(PLAN_MAX_SIZE);
	struct plans plans;
	struct template template;
	enum known known = stored && filled ? look_up(&plans, &line, stored, &template) : KNOWN_NOWHERE;
	bool stale = false;
	if (known == KNOWN_PLAN && beside(executor, "native/corten-init"))
		replay(&line, &plans, &template, executor, filled, &stale);
	if (stale)
		forget_plan(&plans, &line);
	if (known == KNOWN_KEY) {
		struct format path = format_start(store, sizeof(store));
		format_print(&path, "CORTEN_STORE_PLAN=%s/.plans/%s", line.root, plans.slot);
	}
	become_corten(argv, envp, known == KNOWN_KEY ? store : NULL);
}
