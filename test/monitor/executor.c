/*
 * Stands in for corten-init: starts a command as a container's first process would be, records it, and ends.
 *
 *   executor RECORD COMMAND ARG...             on the stdin, stdout and stderr it was given
 *   executor --terminal RECORD COMMAND ARG...  on a new pty, whose master goes to ./console.sock
 *   executor --fail CODE                       as an executor that could not
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static void send_master(int master)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX, .sun_path = "console.sock" };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		exit(125);
	union {
		struct cmsghdr header;
		char space[CMSG_SPACE(sizeof(int))];
	} control = { .header = { CMSG_LEN(sizeof(int)), SOL_SOCKET, SCM_RIGHTS } };
	memcpy(CMSG_DATA(&control.header), &master, sizeof(int));
	struct iovec data = { "/dev/ptmx", 9 };
	struct msghdr message = { .msg_iov = &data, .msg_iovlen = 1, .msg_control = &control,
				  .msg_controllen = sizeof(control) };
	if (sendmsg(fd, &message, 0) < 0)
		exit(125);
}

int main(int argc, char **argv)
{
	int slave = -1;
	if (argc == 3 && strcmp(argv[1], "--fail") == 0)
		return atoi(argv[2]);
	if (strcmp(argv[1], "--terminal") == 0) {
		int master = posix_openpt(O_RDWR | O_NOCTTY);
		grantpt(master);
		unlockpt(master);
		slave = open(ptsname(master), O_RDWR | O_NOCTTY);
		send_master(master);
		close(master);
		argv++;
	}
	pid_t pid = fork();
	if (pid == 0) {
		setsid();
		if (slave >= 0) {
			ioctl(slave, TIOCSCTTY, 0);
			for (int i = 0; i < 3; i++)
				dup2(slave, i);
			close(slave);
		}
		execvp(argv[2], argv + 2);
		_exit(127);
	}
	FILE *record = fopen(argv[1], "w");
	fprintf(record, "%d 1\n", pid);
	fclose(record);
	return 0;
}
