/* The monitor's command line. It is called by Corten only, so a wrong one is a fault of Corten's. */
#ifndef CORTEN_MONITOR_OPTIONS_H
#define CORTEN_MONITOR_OPTIONS_H

#include "fault.h"

#include <stdbool.h>

#define MAX_CGROUPS 16
#define MAX_REMOVE_ARGS 32

struct options {
	/* The container's volatile directory (0700); sockets are made in it by relative names. */
	const char *directory;
	/* Where corten-init writes the PID of the container's first process. */
	const char *record;
	/* Where the exit record goes. */
	const char *exit_record;
	/* The log; NULL for none. */
	const char *log;
	unsigned long long log_max;
	/* memory.events or memory.oom_control; NULL for none. */
	const char *memory_events;
	const char *cgroups[MAX_CGROUPS];
	unsigned int cgroup_count;
	/* What the monitor becomes at the very end, NULL-terminated; empty for nothing. */
	char *remove[MAX_REMOVE_ARGS + 1];
	unsigned int remove_count;
	/* corten-init and its arguments, NULL-terminated. */
	char **init;
	bool terminal;
	bool stdin_open;
	/* Do not start before a client has connected. */
	bool hold;
};

struct attach_options {
	const char *directory;
	/* What the client becomes when the container could not be started, NULL-terminated, or NULL. */
	char **on_failure;
	bool stdin_open;
	bool terminal;
	/* Output is never dropped: a full client holds the container up, as a pipe would. */
	bool lossless;
};

/* Both read argv after the mode word. */
int options_read(struct options *options, char **argv, struct fault *fault);
int options_read_attach(struct attach_options *options, char **argv, struct fault *fault);

#endif
