/* The caller's terminal while a container's pty is connected to it. */
#ifndef CORTEN_TERMINAL_H
#define CORTEN_TERMINAL_H

#include "execution.h"

#include <asm/termbits.h>

struct terminal {
	/* A standard descriptor that is a terminal; -1: none is. */
	int fd;
	bool raw;
	struct termios saved;
};

/* Finds the caller's terminal among the standard descriptors. */
struct terminal find_terminal(void);

/* Raw mode, when this process is in the terminal's foreground. */
void make_raw(struct terminal *terminal);

/* Back to what it was; does nothing when it is not raw. */
void restore_terminal(struct terminal *terminal);

/* Whether stdin may be read: the terminal's foreground, or not a terminal at all. */
bool in_foreground(int fd);

/* Gives the pty the size of the caller's terminal. */
void copy_window_size(const struct terminal *terminal, int master);

bool is_terminal(int fd);

/* The byte that means end of file to the pty's line discipline. */
char end_of_file_byte(int master);

#endif
