/*
 * Loaded before criu: no pipe is asked to be larger than the kernel lets everybody have. criu's page server wants
 * more, which takes CAP_SYS_RESOURCE, and works with less.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdarg.h>
#include <sys/syscall.h>
#include <unistd.h>

#define EVERYBODYS (1 << 20)

static int limited(int fd, int command, long value)
{
	if (command == F_SETPIPE_SZ && value > EVERYBODYS)
		value = EVERYBODYS;
	return (int)syscall(SYS_fcntl, fd, command, value);
}

int fcntl(int fd, int command, ...)
{
	va_list arguments;
	va_start(arguments, command);
	long value = va_arg(arguments, long);
	va_end(arguments);
	return limited(fd, command, value);
}

int fcntl64(int fd, int command, ...)
{
	va_list arguments;
	va_start(arguments, command);
	long value = va_arg(arguments, long);
	va_end(arguments);
	return limited(fd, command, value);
}
