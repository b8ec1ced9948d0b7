/*
 * The attach client: what `corten attach`, `corten start -a` and a foreground `corten run` become.
 *
 *   corten-monitor attach --dir DIR [--stdin] [--terminal] [--lossless] [-- ON-FAILURE ARG...]
 *
 * Copies its stdin to the container and the container's output to its stdout and stderr. With --terminal its own
 * terminal is in raw mode, changes of its size are passed on, and Ctrl-P Ctrl-Q detaches. Signals that would end it
 * are passed on to the container instead. It exits as the container did (128 + signal), with 0 when detached, with
 * 255 when the connection was lost, and becomes ON-FAILURE when the container could not be started.
 */
#ifndef CORTEN_MONITOR_ATTACH_H
#define CORTEN_MONITOR_ATTACH_H

#include "options.h"

/* Returns the exit status, or does not return. */
int attach_run(const struct attach_options *options);

#endif
