/*
 * The kernel's interface as corten-init uses it: typed wrappers of the calls, and the few structures that the
 * kernel's own headers leave to a C library. Each wrapper returns the result, or the errno number negated.
 */
#ifndef CORTEN_KERNEL_H
#define CORTEN_KERNEL_H

#include "kernel-files.h"
#include "kernel-mounts.h"
#include "kernel-processes.h"
#include "kernel-sockets.h"

#include <asm/ioctls.h>

#endif
