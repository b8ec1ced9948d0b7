/* What changing the root needs of other files. */
#ifndef CORTEN_ROOT_H
#define CORTEN_ROOT_H

#include "execution.h"

/* Takes away, or covers, each procfs and sysfs of the mount namespace that is not below `root`. */
int cover_host_filesystems(struct execution *x, int root);

#endif
