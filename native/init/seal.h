/* Protection of the executor's own program. */
#ifndef CORTEN_SEAL_H
#define CORTEN_SEAL_H

/*
 * CVE-2019-5736: a process that runs the container's program has /proc/PID/exe pointing at this program, and a
 * container that opens it for writing would replace the host's file. So the executor runs from a sealed copy in
 * memory. Returns when it already does; otherwise it becomes that copy. Does not return after a failure.
 */
void run_sealed(char **argv, char **envp);

#endif
