/* Network devices that go from one network namespace to another, and back. */
#include "netlink.h"
#include "operations.h"

/* One end of a move: its namespace, a routing socket in it, and the device's name there. */
struct end {
	int namespace;
	int socket;
	const char *name;
};

static int own_namespace(struct execution *x)
{
	int fd = k_openat(AT_FDCWD, "/proc/self/ns/net", O_RDONLY, 0);
	return fd < 0 ? fail(x, fd, "openat(AT_FDCWD, \"/proc/self/ns/net\")") : fd;
}

/* A routing socket in another namespace; the process itself is back in its own afterwards. */
static int open_in(struct execution *x, int namespace, int own)
{
	int error = k_setns(namespace, CLONE_NEWNET);
	if (error < 0)
		return fail(x, error, "setns(%f, CLONE_NEWNET)", namespace);
	int socket = netlink_open();
	error = k_setns(own, CLONE_NEWNET);
	if (error < 0) {
		k_close(socket);
		return fail(x, error, "setns(%f, CLONE_NEWNET)", own);
	}
	return socket < 0 ? fail(x, socket, "socket(AF_NETLINK), in %f", namespace) : socket;
}

/* Gives the device what the move took from it. Returns 0 or an errno number, negated; `what` is then the step. */
static int restore(const struct end *to, const struct link_addresses *addresses, bool up, const char **what)
{
	*what = "SIOCGIFINDEX";
	int index = link_index(to->socket, to->name);
	if (index < 0)
		return index;
	*what = "RTM_NEWADDR";
	for (unsigned i = 0; i < addresses->count; i++) {
		int error = link_add_address(to->socket, index, &addresses->list[i]);
		if (error < 0)
			return error;
	}
	*what = "SIOCSIFFLAGS";
	return up ? link_set_up(to->socket, to->name, true) : 0;
}

/* As in `restore`; on failure the device is where it was, as it was. `always_up`: it is up afterwards in any case. */
static int transfer(const struct end *from, const struct end *to, bool always_up, const char **what)
{
	*what = "SIOCGIFINDEX";
	int index = link_index(from->socket, from->name);
	if (index < 0)
		return index;
	*what = "SIOCGIFFLAGS";
	int up = link_is_up(from->socket, from->name);
	if (up < 0)
		return up;
	*what = "RTM_GETADDR";
	struct link_addresses addresses;
	int error = link_addresses(from->socket, index, &addresses);
	if (error < 0)
		return error;
	*what = "RTM_NEWLINK";
	if (link_index(to->socket, to->name) > 0)
		return -EEXIST;
	error = link_move(from->socket, index, to->namespace, to->name);
	const char *unused;
	if (error < 0) {
		/* The kernel renames after it has moved: where only that fails, the device is there under its old name. */
		int moved = link_index(from->socket, from->name) == -ENODEV ? link_index(to->socket, from->name) : -1;
		if (moved > 0)
			link_move(to->socket, moved, from->namespace, from->name);
		restore(from, &addresses, up > 0, &unused);
		return error;
	}
	error = restore(to, &addresses, always_up || up > 0, what);
	if (error < 0) {
		index = link_index(to->socket, to->name);
		if (index > 0 && link_move(to->socket, index, from->namespace, from->name) == 0)
			restore(from, &addresses, up > 0, &unused);
	}
	return error;
}

int op_open_network_namespace(struct execution *x)
{
	if (x->child.pid <= 0)
		return fail_as(x, FAILED_PROTOCOL, 0, "there is no child with a network namespace");
	char path[64];
	struct format out = format_start(path, sizeof(path));
	format_print(&out, "/proc/%d/ns/net", x->child.pid);
	int fd = k_openat(AT_FDCWD, path, O_RDONLY, 0);
	return fd < 0 ? fail(x, fd, "openat(AT_FDCWD, %q)", path)
	              : out_field(x, OPEN_NETWORK_NAMESPACE_OUT, fd);
}

int op_move_net_device(struct execution *x)
{
	CLOSING own = own_namespace(x);
	if (own < 0)
		return -1;
	struct end from = { .namespace = own, .name = text_field(x, MOVE_NET_DEVICE_NAME) };
	struct end to = { .namespace = in_field(x, MOVE_NET_DEVICE_NAMESPACE),
		          .name = text_field(x, MOVE_NET_DEVICE_NEW_NAME) };
	CLOSING here = netlink_open();
	if (here < 0)
		return fail(x, here, "socket(AF_NETLINK)");
	CLOSING there = open_in(x, to.namespace, own);
	if (there < 0)
		return -1;
	from.socket = here;
	to.socket = there;
	const char *what;
	int error = transfer(&from, &to, true, &what);
	return error < 0 ? fail(x, error, "network device %q into %f as %q: %s", from.name, to.namespace, to.name, what)
	                 : 0;
}

int op_return_net_device(struct execution *x)
{
	CLOSING own = own_namespace(x);
	if (own < 0)
		return -1;
	struct end from = { .namespace = in_field(x, RETURN_NET_DEVICE_NAMESPACE),
		            .name = text_field(x, RETURN_NET_DEVICE_NEW_NAME) };
	struct end to = { .namespace = own, .name = text_field(x, RETURN_NET_DEVICE_NAME) };
	CLOSING here = netlink_open();
	if (here < 0)
		return fail(x, here, "socket(AF_NETLINK)");
	CLOSING there = open_in(x, from.namespace, own);
	if (there < 0)
		return -1;
	from.socket = there;
	to.socket = here;
	const char *what;
	int error = transfer(&from, &to, false, &what);
	/* It never went there, or has gone already. */
	if (error == -ENODEV)
		return 0;
	return error < 0 ? fail(x, error, "network device %q back from %f as %q: %s", from.name, from.namespace, to.name,
	                        what)
	                 : 0;
}
