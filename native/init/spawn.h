/* Making the child, letting it go, and ending it. */
#ifndef CORTEN_SPAWN_H
#define CORTEN_SPAWN_H

#include "execution.h"

/*
 * The container section, in the child: runs it and never returns. Its failure goes to the parent; when the parent
 * has finished, to stderr. `gated`: it first waits until the parent has put it into its cgroup.
 */
__attribute__((noreturn)) void run_child(struct execution *x, bool gated);

/*
 * From here on the child lives without its parent: it no longer dies with it, signals have their default
 * dispositions and none is blocked. Tells the parent. `executing`: execve is what follows.
 */
void detach(struct execution *x, bool executing);

/* Makes the child die with its parent (again: changing credentials clears that). */
int bind_to_parent(struct execution *x);

/* Opens what the container section needs of this process in /proc, while that is the host's. */
int open_own_descriptors(struct execution *x);

/* Default dispositions, as a new program expects them: the caller may have ignored some. */
void reset_dispositions(void);

void unblock_signals(void);

/* Waits for the child's end and stores its status. */
int await_child(struct execution *x);

/* Kills and reaps the child, if there is one. */
void kill_child(struct execution *x);

/* Lets go of the servant, if there is one, and waits for its end; `failed`: a signal that ends a program ends it. */
void end_servant(struct execution *x, bool failed);

/* The child's status as an exit code: its own, or 128 + signal. */
int child_exit_code(const struct child *child);

#endif
