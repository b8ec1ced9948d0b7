/* What happens to a failure: to the parent, to the record, to stderr, to the program that explains it. */
#ifndef CORTEN_FAILURE_H
#define CORTEN_FAILURE_H

#include "execution.h"

#define EXIT_FAILED 125
#define EXIT_NOT_EXECUTABLE 126
#define EXIT_NOT_FOUND 127

/* In the child: hands its failure to the host section, or tells it on stderr when that has finished; exits. */
__attribute__((noreturn)) void report_to_parent(struct execution *x);

/*
 * In the host's process: writes the record (after cleaning up), then becomes the plan's onFailure program, or
 * exits with 125.
 */
__attribute__((noreturn)) void end_failed(struct execution *x, const struct failure *failure);

/* `corten-init: ` and the message, as a line on stderr. */
void print_message(const char *pattern, ...);

#endif
