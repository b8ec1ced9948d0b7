/* Requests to the kernel's routing socket: links and their addresses. Errors are errno numbers, negated. */
#ifndef CORTEN_NETLINK_H
#define CORTEN_NETLINK_H

#include "../common/kernel.h"

#define NAME_SIZE 16
#define MAX_ADDRESSES 64

/* A permanent address of global scope, as it is given to a device again. */
struct link_address {
	uint8_t family;
	uint8_t prefix;
	/* Of the three below. */
	uint8_t length;
	bool has_local;
	bool has_peer;
	bool has_broadcast;
	uint8_t local[16];
	uint8_t peer[16];
	uint8_t broadcast[16];
};

struct link_addresses {
	unsigned count;
	struct link_address list[MAX_ADDRESSES];
};

/* A routing socket of the network namespace that the process is in. */
int netlink_open(void);

/* The number of the device with that name. */
int link_index(int socket, const char *name);
int link_is_up(int socket, const char *name);
int link_set_up(int socket, const char *name, bool up);

/* Moves a device into another network namespace under a new name, in one step. */
int link_move(int socket, int index, int namespace, const char *name);

/* Addresses that a move would lose. -E2BIG where there are more than fit. */
int link_addresses(int socket, int index, struct link_addresses *found);
int link_add_address(int socket, int index, const struct link_address *address);

#endif
