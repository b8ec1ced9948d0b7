/* The descriptors that the caller left open. */
#ifndef CORTEN_INHERITED_H
#define CORTEN_INHERITED_H

#include "execution.h"

/*
 * Standard descriptors that are closed become /dev/null, so that no descriptor of the plan's takes their number.
 * Of the others, those that the plan's closeFrom keeps are remembered and marked close-on-exec, and the gaps
 * between them are filled, so that none of the executor's own can pass for one of them (CVE-2024-21626). The
 * rest is closed. Returns 0 or a negative number with the failure filled.
 */
int take_inherited(struct execution *x);

/*
 * Closes the descriptors from `first` on, but not `kept` (-1: none); `cloexec`: marks them close-on-exec instead.
 * Where close_range is missing or a system call filter hides it, one by one. It always succeeds.
 */
void close_from(unsigned first, int kept, bool cloexec);

/* Lets the preserved descriptors through the next execve, and nothing else. */
void release_preserved(struct execution *x);

#endif
