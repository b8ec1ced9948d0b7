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

static const struct {
	const char *file;
	int flag;
} namespaces[] = {
	/* The user namespace first: it gives the right to enter the others. The mount namespace last. */
	{ "ns/user", CLONE_NEWUSER }, { "ns/cgroup", CLONE_NEWCGROUP }, { "ns/ipc", CLONE_NEWIPC },
	{ "ns/uts", CLONE_NEWUTS },   { "ns/net", CLONE_NEWNET },       { "ns/pid", CLONE_NEWPID },
	{ "ns/time", CLONE_NEWTIME }, { "ns/mnt", CLONE_NEWNS },
};

/* `process` is a directory of /proc: see op_open_process. All files are opened before the first is entered. */
static int join_by_directory(int process, int flags)
{
	int files[sizeof(namespaces) / sizeof(namespaces[0])];
	size_t count = sizeof(files) / sizeof(files[0]);
	int error = 0;
	for (size_t i = 0; i < count; i++) {
		files[i] = flags & namespaces[i].flag ? k_openat(process, namespaces[i].file, O_RDONLY, 0) : -1;
		if (files[i] < 0 && flags & namespaces[i].flag)
			error = files[i];
	}
	for (size_t i = 0; i < count; i++) {
		if (files[i] < 0)
			continue;
		if (error >= 0)
			error = k_setns(files[i], namespaces[i].flag);
		k_close(files[i]);
	}
	return error;
}

int op_join(struct execution *x)
{
	int fd = in_field(x, JOIN_FD);
	int flags = (int)int_field(x, JOIN_FLAGS);
	struct statx status;
	bool directory = k_statx(fd, "", AT_EMPTY_PATH, STATX_TYPE, &status) == 0 && S_ISDIR(status.stx_mode);
	int error = directory ? join_by_directory(fd, flags) : k_setns(fd, flags);
	return error < 0 ? fail(x, error, "setns(%f, %x)", fd, (uint64_t)(unsigned)flags) : 0;
}

int op_child_namespace(struct execution *x)
{
	const char *name = text_field(x, CHILD_NAMESPACE_NAME);
	char path[64];
	struct format out = format_start(path, sizeof(path));
	format_print(&out, "/proc/%d/ns/%s", x->child.pid, name);
	for (const char *at = name; *at; at++) {
		if ((*at < 'a' || *at > 'z') && *at != '_')
			return violate(x, "%q names no namespace", name);
	}
	if (x->child.pid <= 0)
		return fail_as(x, FAILED_PROTOCOL, 0, "there is no child");
	int fd = k_openat(AT_FDCWD, path, O_RDONLY, 0);
	return fd < 0 ? fail(x, fd, "openat(AT_FDCWD, %q)", path) : out_field(x, CHILD_NAMESPACE_OUT, fd);
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
