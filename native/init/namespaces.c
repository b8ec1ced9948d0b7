/* Namespaces and what belongs to them. */
#include "operations.h"

#include "../common/memory.h"

#define GET_INTERFACE_FLAGS 0x8913
#define SET_INTERFACE_FLAGS 0x8914
#define INTERFACE_UP 1

int op_unshare(struct execution *x)
{
	uint64_t flags = raw_field(x, UNSHARE_FLAGS);
	int error = k_unshare(flags);
	return error < 0 ? fail(x, error, "unshare(%x)", flags) : 0;
}

int op_join(struct execution *x)
{
	int fd = in_field(x, JOIN_FD);
	int flags = (int)int_field(x, JOIN_FLAGS);
	int error = k_setns(fd, flags);
	return error < 0 ? fail(x, error, "setns(%f, %x)", fd, (uint64_t)(unsigned)flags) : 0;
}

int op_set_hostname(struct execution *x)
{
	const char *name = text_field(x, SET_HOSTNAME_NAME);
	long error = call2(__NR_sethostname, name, text_length(name));
	return error < 0 ? fail(x, error, "sethostname(%q)", name) : 0;
}

int op_set_domainname(struct execution *x)
{
	const char *name = text_field(x, SET_DOMAINNAME_NAME);
	long error = call2(__NR_setdomainname, name, text_length(name));
	return error < 0 ? fail(x, error, "setdomainname(%q)", name) : 0;
}

/* struct ifreq, of which the flags are used. */
struct interface_request {
	char name[16];
	union {
		short flags;
		char padding[24];
	};
};

int op_raise_loopback(struct execution *x)
{
	CLOSING fd = k_socket(FAMILY_INET, TYPE_DATAGRAM);
	/* A kernel without IPv4 takes the request over any socket. */
	if (fd == -EAFNOSUPPORT)
		fd = k_socket(FAMILY_UNIX, TYPE_DATAGRAM);
	if (fd < 0)
		return fail(x, fd, "socket(AF_INET)");
	struct interface_request request = { .name = "lo" };
	int error = k_ioctl(fd, GET_INTERFACE_FLAGS, &request);
	if (error < 0)
		return fail(x, error, "ioctl(SIOCGIFFLAGS, \"lo\")");
	request.flags = (short)(request.flags | INTERFACE_UP);
	error = k_ioctl(fd, SET_INTERFACE_FLAGS, &request);
	return error < 0 ? fail(x, error, "ioctl(SIOCSIFFLAGS, \"lo\", IFF_UP)") : 0;
}

int op_setsid(struct execution *x)
{
	int error = k_setsid();
	return error < 0 ? fail(x, error, "setsid()") : 0;
}

#define JOIN_SESSION_KEYRING 1

int op_join_keyring(struct execution *x)
{
	const char *name = text_field(x, JOIN_KEYRING_NAME);
	long error = call2(__NR_keyctl, JOIN_SESSION_KEYRING, *name ? name : NULL);
	/* A kernel without keyrings has nothing to keep apart. */
	return error < 0 && error != -ENOSYS ? fail(x, error, "keyctl(KEYCTL_JOIN_SESSION_KEYRING, %q)", name) : 0;
}
