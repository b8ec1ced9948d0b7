#define _GNU_SOURCE
#include "fault.h"

#include <errno.h>
#include <string.h>

int fault_set(struct fault *fault, int error, const char *operation, const char *subject)
{
	fault->error = error;
	fault->operation = operation;
	size_t length = strnlen(subject, sizeof(fault->subject) - 1);
	memcpy(fault->subject, subject, length);
	fault->subject[length] = '\0';
	return -1;
}

int fault_errno(struct fault *fault, const char *operation, const char *subject)
{
	return fault_set(fault, errno, operation, subject);
}
