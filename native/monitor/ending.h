/* What is left to do when the container has ended: its exit record, its cgroups. */
#ifndef CORTEN_MONITOR_ENDING_H
#define CORTEN_MONITOR_ENDING_H

#include "fault.h"

#include <stdbool.h>

/* How a process ended: `code` is 128 + signal when a signal ended it. */
struct ending {
	unsigned char code;
	unsigned char signal;
	bool oom_killed;
};

/* Reads a wait status. */
struct ending ending_of(int wait_status);

/* True when the memory cgroup has counted a kill: the line `oom_kill N` of memory.events or memory.oom_control. */
bool memory_kills(const char *path);

/*
 * Writes "CODE SIGNAL OOMKILLED SECONDS.NANOS\n" under a temporary name, then renames. A NULL ending, of which
 * nobody saw more than that it happened, has the code -1.
 */
int exit_record_write(const char *path, const struct ending *ending, struct fault *fault);

/* Removes a cgroup and those below it; processes still in them are killed. Gives up after about a second. */
int cgroup_remove(const char *path, struct fault *fault);

#endif
