/*
 * The error contract of native/: a function that can fail returns a negative number and has then filled the
 * fault with the operation, errno and what it was applied to; success never touches it.
 */
#ifndef CORTEN_MONITOR_FAULT_H
#define CORTEN_MONITOR_FAULT_H

struct fault {
	int error;
	const char *operation;
	char subject[160];
};

/* Fills the fault from errno; returns -1. `subject` is cut to what fits. */
int fault_errno(struct fault *fault, const char *operation, const char *subject);

/* Fills the fault with a given errno number; returns -1. */
int fault_set(struct fault *fault, int error, const char *operation, const char *subject);

#endif
