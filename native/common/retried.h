/* A call that a signal may interrupt. */
#ifndef CORTEN_KERNEL_RETRIED_H
#define CORTEN_KERNEL_RETRIED_H

#include "call.h"

#include <linux/errno.h>

/* Interrupted calls are repeated: every signal is blocked, but a stop and its continuation end a sleep too. */
#define RETRIED(expression) \
	(__extension__({ \
		long retried_; \
		do \
			retried_ = (long)(expression); \
		while (retried_ == -EINTR); \
		retried_; \
	}))

#endif
