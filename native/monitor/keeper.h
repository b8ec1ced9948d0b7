/*
 * The keeper: parent and subreaper of one container.
 *
 *   corten-monitor run --dir DIR --record FILE --exit FILE [--log FILE [--log-max BYTES]] [--terminal] [--stdin]
 *                      [--hold] [--memory-events FILE] [--cgroup DIR]... [--remove ARG]... -- INIT ARG...
 *
 * DIR is the container's volatile directory (0700); attach.sock, monitor (the keeper's "PID STARTTIME") and,
 * with --terminal, console.sock are made in it. The keeper starts the executor (INIT), which makes the container,
 * writes its PID to the record and ends; the container's first process is then the keeper's child. It forks a worker for the copying (serve.h), waits for
 * the container to end, and
 *
 *   1. waits until the rest of the output is in the log, two seconds at most, and writes the exit record;
 *   2. removes the cgroups;
 *   3. waits until the worker has served its clients, and removes its own files;
 *   4. becomes the --remove command, when there is one.
 *
 * The starter reads from the pipe on descriptor 3: `ready PID`, `failed CODE` (of the executor, whose own failure
 * record says why), `error CALL(SUBJECT): ERRNO`, and with --hold first `held 0`: nothing is started before a client
 * has connected, so that client misses nothing; it gives up when none came for HOLD_SECONDS.
 *
 * What SIGKILL does: a killed worker is made again, its clients are disconnected; a killed keeper loses the exit
 * code (the worker records that and when the container ended) and leaves cgroups and removal to the next command.
 * The container goes on in both cases. Killing both closes the container's pipes or terminal under it.
 */
#ifndef CORTEN_MONITOR_KEEPER_H
#define CORTEN_MONITOR_KEEPER_H

#include "options.h"

#define HOLD_SECONDS 60

/* Runs to the container's end. Returns the monitor's exit status, or does not return. */
int keeper_run(const struct options *options);

#endif
