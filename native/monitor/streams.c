#define _GNU_SOURCE
#include "streams.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <unistd.h>

/* Device numbers of /dev/ptmx, whose open files are the masters. */
#define PTMX_MAJOR 5
#define PTMX_MINOR 2

static int open_null(int *fd, struct fault *fault)
{
	*fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	return *fd < 0 ? fault_errno(fault, "open", "/dev/null") : 0;
}

/* `ours` 0: the monitor reads; 1: it writes. Only its own end is non-blocking: the container's is as it expects. */
static int make_pipe(int *mine, int *child, int ours, struct fault *fault)
{
	int ends[2];
	if (pipe2(ends, O_CLOEXEC) < 0)
		return fault_errno(fault, "pipe2", "stdio");
	if (fcntl(ends[ours], F_SETFL, O_NONBLOCK) < 0)
		return fault_errno(fault, "fcntl", "stdio");
	*mine = ends[ours];
	*child = ends[1 - ours];
	return 0;
}

int streams_make(struct streams *streams, struct child_ends *ends, bool terminal, bool stdin_open, struct fault *fault)
{
	streams->output = streams->error = streams->input = streams->terminal = -1;
	ends->fd[0] = ends->fd[1] = ends->fd[2] = -1;
	if (terminal || !stdin_open) {
		if (open_null(&ends->fd[0], fault) < 0)
			return -1;
	} else if (make_pipe(&streams->input, &ends->fd[0], 1, fault) < 0) {
		return -1;
	}
	if (terminal)
		return open_null(&ends->fd[1], fault) < 0 || open_null(&ends->fd[2], fault) < 0 ? -1 : 0;
	if (make_pipe(&streams->output, &ends->fd[1], 0, fault) < 0)
		return -1;
	return make_pipe(&streams->error, &ends->fd[2], 0, fault);
}

void child_ends_close(struct child_ends *ends)
{
	for (int i = 0; i < 3; i++) {
		if (ends->fd[i] >= 0)
			close(ends->fd[i]);
		ends->fd[i] = -1;
	}
}

int socket_listen(const char *name, struct fault *fault)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	strncpy(address.sun_path, name, sizeof(address.sun_path) - 1);
	if (unlink(name) < 0 && errno != ENOENT)
		return fault_errno(fault, "unlink", name);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return fault_errno(fault, "socket", name);
	/* The umask is 077, so that the socket is 0600 from its first moment. */
	if (bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 || listen(fd, 16) < 0) {
		fault_errno(fault, "bind", name);
		close(fd);
		return -1;
	}
	return fd;
}

int socket_accept(int listener)
{
	int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (fd < 0)
		return -1;
	struct ucred peer;
	socklen_t length = sizeof(peer);
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &length) == 0 && peer.uid == geteuid())
		return fd;
	close(fd);
	return -1;
}

static int receive_descriptor(int connection, struct fault *fault)
{
	char message[256];
	union {
		struct cmsghdr header;
		char space[CMSG_SPACE(4 * sizeof(int))];
	} control;
	struct iovec data = { .iov_base = message, .iov_len = sizeof(message) };
	struct msghdr header = {
		.msg_iov = &data,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control),
	};
	ssize_t length;
	do
		length = recvmsg(connection, &header, MSG_CMSG_CLOEXEC);
	while (length < 0 && errno == EINTR);
	if (length < 0)
		return fault_errno(fault, "recvmsg", "console socket");
	int fd = -1;
	for (struct cmsghdr *part = CMSG_FIRSTHDR(&header); part != NULL; part = CMSG_NXTHDR(&header, part)) {
		if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_RIGHTS)
			continue;
		size_t count = (part->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		for (size_t i = 0; i < count; i++) {
			int got;
			memcpy(&got, CMSG_DATA(part) + i * sizeof(int), sizeof(int));
			if (fd >= 0)
				close(got);
			else
				fd = got;
		}
	}
	return fd >= 0 ? fd : fault_set(fault, EPROTO, "recvmsg", "console socket: no descriptor came");
}

int streams_receive_terminal(struct streams *streams, int connection, bool stdin_open, struct fault *fault)
{
	int fd = receive_descriptor(connection, fault);
	if (fd < 0)
		return -1;
	struct stat status;
	if (fstat(fd, &status) < 0 || !S_ISCHR(status.st_mode) ||
	    status.st_rdev != makedev(PTMX_MAJOR, PTMX_MINOR) || fcntl(fd, F_SETFL, O_RDWR | O_NONBLOCK) < 0) {
		close(fd);
		return fault_set(fault, EPROTO, "verify", "console socket: the descriptor is no pty master");
	}
	streams->terminal = streams->output = fd;
	if (stdin_open)
		streams->input = fd;
	return 0;
}
