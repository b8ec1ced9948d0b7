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

#include <linux/mman.h>

int main(int argc, char **argv, char **envp);

#define PATH_SIZE 4096
#define MAX_ENVIRONMENT 16384

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
 * Becomes the whole command line. BUN_OPTIONS and the like would make another program of it; `store` names a file
 * that is to hold the plan of this start afterwards.
 */
__attribute__((noreturn)) static void become_corten(char **argv, char *const *envp, const char *store)
{
	static char *environment[MAX_ENVIRONMENT];
	static char assignment[PATH_SIZE];
	char program[PATH_SIZE] = "corten";
	unsigned count = 0;
	for (; *envp && count < MAX_ENVIRONMENT - 2; envp++) {
		if (!text_starts(*envp, "BUN_") && !text_starts(*envp, "CORTEN_STORE_PLAN="))
			environment[count++] = *envp;
	}
	if (store) {
		struct format text = format_start(assignment, sizeof(assignment));
		format_print(&text, "CORTEN_STORE_PLAN=%s", store);
		environment[count++] = assignment;
	}
	argv[0] = (char *)(uintptr_t)"corten-oci";
	int error = -ENOENT;
	if (beside(program, "corten"))
		error = k_execve(program, argv, environment);
	static char message[PATH_SIZE + 64];
	struct format text = format_start(message, sizeof(message));
	format_print(&text, "corten-oci: cannot run %s: %s\n", program, errno_name(-error));
	k_write(2, message, text.length);
	k_exit(125);
}

static char *map(size_t size)
{
	long address = k_map(size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS);
	return address < 0 && address > -4096 ? NULL : (char *)address;
}

int main(int argc, char **argv, char **envp)
{
	static char key[KEY_SIZE];
	static char store[PATH_SIZE];
	char executor[PATH_SIZE];
	struct line line;
	/* Others than the superuser have another default root, and plans that depend on more than is looked at here. */
	if (k_geteuid() != 0 || has_special(envp) || !read_line(&line, key, argc, argv))
		become_corten(argv, envp, NULL);
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
		format_print(&path, "%s/.plans/%s", line.root, plans.slot);
	}
	become_corten(argv, envp, known == KNOWN_KEY ? store : NULL);
}
