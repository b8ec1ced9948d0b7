#ifndef CORTEN_UNIX_ADDRESS_H
#define CORTEN_UNIX_ADDRESS_H

#include "../common/kernel.h"

/*
 * Fills the address of the socket at `path`. A path too long for it is reached through its directory's descriptor,
 * which the caller closes (`*dir`, -1: none). "@name" is the abstract socket of that name. Returns the address's length,
 * or the errno number negated.
 */
int unix_address(struct kernel_unix_address *address, const char *path, int *dir);

#endif
