/* What /proc/PID/stat tells: the start time, which together with the number names a process for good. */
#ifndef CORTEN_PROCESS_STAT_H
#define CORTEN_PROCESS_STAT_H

#include <stdbool.h>
#include <stdint.h>

/* Field 22 of /proc/PID/stat, in clock ticks since the boot. Returns 0 or the errno number negated. */
int process_start_time(int pid, uint64_t *start_time);

/* It has ended, or is about to. */
bool process_is_ending(int pid);

#endif
