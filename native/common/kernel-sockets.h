/* Calls about sockets. */
#ifndef CORTEN_KERNEL_SOCKETS_H
#define CORTEN_KERNEL_SOCKETS_H

#include "retried.h"

#include <linux/uio.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct kernel_message {
	void *name;
	int name_length;
	struct iovec *vectors;
	size_t vector_count;
	void *control;
	size_t control_length;
	unsigned flags;
};

/* A control message that carries one descriptor. */
struct kernel_rights {
	size_t length;
	int level;
	int type;
	int descriptor;
	int padding;
};
#define RIGHTS_LENGTH (sizeof(size_t) + 3 * sizeof(int))

struct kernel_unix_address {
	uint16_t family;
	char path[108];
};

#define FAMILY_UNIX 1
#define FAMILY_INET 2
#define TYPE_STREAM 1
#define TYPE_DATAGRAM 2
#define TYPE_SEQPACKET 5
#define SOCKET_CLOEXEC 02000000
#define LEVEL_SOCKET 1
#define CONTROL_RIGHTS 1
#define MESSAGE_TRUNCATED 0x20
#define MESSAGE_CONTROL_TRUNCATED 0x8
#define MESSAGE_DONTWAIT 0x40
#define MESSAGE_NOSIGNAL 0x4000
#define MESSAGE_CLOEXEC 0x40000000

/* ── sockets ── */
static inline int k_socket(int family, int type)
{
	return (int)call3(__NR_socket, family, type | SOCKET_CLOEXEC, 0);
}

static inline int k_socketpair(int type, int ends[2])
{
	return (int)call4(__NR_socketpair, FAMILY_UNIX, type | SOCKET_CLOEXEC, 0, ends);
}

static inline int k_connect(int fd, const struct kernel_unix_address *address, int length)
{
	return (int)RETRIED(call3(__NR_connect, fd, address, length));
}

static inline int k_bind(int fd, const struct kernel_unix_address *address, int length)
{
	return (int)call3(__NR_bind, fd, address, length);
}

static inline long k_sendmsg(int fd, const struct kernel_message *message, int flags)
{
	return RETRIED(call3(__NR_sendmsg, fd, message, flags));
}

static inline long k_recvmsg(int fd, struct kernel_message *message, int flags)
{
	return RETRIED(call3(__NR_recvmsg, fd, message, flags));
}

#endif
