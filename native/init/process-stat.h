/* A process's start time, which together with its number names it for good. */
#ifndef CORTEN_PROCESS_STAT_H
#define CORTEN_PROCESS_STAT_H

#include <stdint.h>

/* Field 22 of /proc/PID/stat, in clock ticks since the boot. Returns 0 or the errno number negated. */
int process_start_time(int pid, uint64_t *start_time);

#endif
