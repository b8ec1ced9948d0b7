/* The command line, as far as the front door reads it: enough to name a start, never enough to decide about one. */
#ifndef CORTEN_FRONT_LINE_H
#define CORTEN_FRONT_LINE_H

#include <stdbool.h>
#include <stddef.h>

#define KEY_SIZE (128 * 1024)

struct line {
	/* --root, or the default of the superuser. */
	const char *root;
	/* The new container's ID; NULL for exec, where the ID is part of the key. */
	const char *id;
	/* Absolute; NULL: not given. */
	const char *pid_file;
	/* It is `start`, of the container `id`: nothing is made, and no plan is looked up. */
	bool starts;
	/* The word at which the command stands: options before it say where the state is, and the log. */
	int command;
	/* Two starts with equal keys have equal plans as long as what the plan was made from is unchanged. */
	char *key;
	size_t key_length;
};

/* False for anything that only the whole command line understands. `key` has room for KEY_SIZE bytes. */
bool read_line(struct line *line, char *key, int argc, char *const *argv);

#endif
