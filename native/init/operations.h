/*
 * One function for each operation of the union, called op_<name>. What each does is specified by its comment in
 * src/runtime/plan/operation.ts. The functions are spread over files by family.
 */
#ifndef CORTEN_OPERATIONS_H
#define CORTEN_OPERATIONS_H

#include "execution.h"

#define DECLARE(code, suffix, ...) int op_##suffix(struct execution *x);
PLAN_OPERATIONS(DECLARE)
#undef DECLARE

/* Tells on stderr what could not be cleaned up; the remaining operations are tried all the same. */
void warn_cleanup(struct execution *x);

/* Tells on stderr of a hook whose failure is tolerated. */
void warn_hook(struct execution *x);

#endif
