/* Small things that every program here needs to know about being a process. */
#ifndef CORTEN_MONITOR_PROCESS_H
#define CORTEN_MONITOR_PROCESS_H

#include "fault.h"
#include "streams.h"

#include <sys/types.h>

/* Where the starter listens; see keeper.h. */
#define REPORT_FD 3

/* A new session, umask 077, 0 to 2 open, everything but REPORT_FD closed, the directory entered. */
int process_settle(const char *directory, struct fault *fault);

/* Blocks every signal that can be blocked: nothing but SIGKILL ends the monitor before its container ends. */
void signals_block(void);

/* Undoes that before another program takes over: nothing pending, nothing ignored, nothing blocked. */
void signals_restore(void);

/* Forks and executes argv with `ends` as its 0, 1 and 2. Returns the PID. */
pid_t process_spawn(char **argv, const struct child_ends *ends, struct fault *fault);

/* Writes "PID STARTTIME\n" of this process to `name` in the working directory: who works for the container. */
int identity_write(const char *name, struct fault *fault);

/* Reads the PID of "PID STARTTIME\n" or "PID". */
int record_read(const char *path, pid_t *pid, struct fault *fault);

/* Writes a line to the starter; nobody may be listening any more. */
void report(const char *word, unsigned long long number);
void report_fault(const struct fault *fault);
void report_close(void);

#endif
