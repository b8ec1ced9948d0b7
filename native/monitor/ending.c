#define _GNU_SOURCE
#include "ending.h"

#include "text.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* A container may nest cgroups; the kernel's own limit on their depth is the user's setting. */
#define MAX_DEPTH 64
#define MAX_ATTEMPTS 12

struct ending ending_of(int wait_status)
{
	if (WIFSIGNALED(wait_status)) {
		unsigned char signal = (unsigned char)WTERMSIG(wait_status);
		return (struct ending){ .code = (unsigned char)(128 + signal), .signal = signal };
	}
	return (struct ending){ .code = (unsigned char)WEXITSTATUS(wait_status) };
}

static ssize_t read_small(int directory, const char *path, char *buffer, size_t size)
{
	int fd = openat(directory, path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	ssize_t length = read(fd, buffer, size - 1);
	close(fd);
	buffer[length > 0 ? length : 0] = '\0';
	return length;
}

bool memory_kills(const char *path)
{
	char content[1024];
	if (path == NULL || read_small(AT_FDCWD, path, content, sizeof(content)) <= 0)
		return false;
	const char *line = strstr(content, "oom_kill ");
	return line != NULL && line[9] >= '1' && line[9] <= '9';
}

int exit_record_write(const char *path, const struct ending *ending, struct fault *fault)
{
	char content[96];
	char temporary[PATH_MAX];
	struct text text = { .data = content, .capacity = sizeof(content) };
	struct text name = { .data = temporary, .capacity = sizeof(temporary) - 1 };
	struct timespec now;
	clock_gettime(CLOCK_REALTIME, &now);

	if (ending == NULL) {
		text_add(&text, "-1 0 0 ");
	} else {
		text_add_number(&text, ending->code, 1);
		text_add(&text, " ");
		text_add_number(&text, ending->signal, 1);
		text_add(&text, ending->oom_killed ? " 1 " : " 0 ");
	}
	text_add_number(&text, (unsigned long long)now.tv_sec, 1);
	text_add(&text, ".");
	text_add_number(&text, (unsigned long long)now.tv_nsec, 9);
	text_add(&text, "\n");
	text_add(&name, path);
	text_add(&name, ".new");
	temporary[name.length] = '\0';

	int fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return fault_errno(fault, "open", temporary);
	ssize_t wrote = write(fd, content, text.length);
	close(fd);
	if (wrote != (ssize_t)text.length)
		return fault_errno(fault, "write", temporary);
	if (rename(temporary, path) < 0)
		return fault_errno(fault, "rename", path);
	return 0;
}

struct directory_entry {
	uint64_t inode;
	int64_t offset;
	unsigned short length;
	unsigned char type;
	char name[];
};

#define DT_DIRECTORY 4

static int remove_below(int directory, unsigned int depth);

/* Removes each cgroup directly below. 0 when none is left. */
static int remove_children(int directory, unsigned int depth)
{
	_Alignas(uint64_t) char buffer[2048];
	int result = 0;
	if (lseek(directory, 0, SEEK_SET) < 0)
		return -1;
	for (;;) {
		long got = syscall(SYS_getdents64, directory, buffer, sizeof(buffer));
		if (got <= 0)
			return got < 0 ? -1 : result;
		for (long at = 0; at < got;) {
			struct directory_entry entry;
			memcpy(&entry, buffer + at, sizeof(entry));
			const char *name = buffer + at + offsetof(struct directory_entry, name);
			at += entry.length;
			if (entry.type != DT_DIRECTORY || strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
				continue;
			int child = openat(directory, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
			if (child < 0)
				continue;
			(void)remove_below(child, depth + 1);
			close(child);
			if (unlinkat(directory, name, AT_REMOVEDIR) < 0 && errno != ENOENT)
				result = -1;
		}
	}
}

/* Kills what lives in the cgroup: at a stroke with v2's cgroup.kill, one by one with v1. */
static void kill_members(int directory)
{
	int fd = openat(directory, "cgroup.kill", O_WRONLY | O_CLOEXEC);
	if (fd >= 0) {
		(void)!write(fd, "1", 1);
		close(fd);
		return;
	}
	char content[4096];
	if (read_small(directory, "cgroup.procs", content, sizeof(content)) <= 0)
		return;
	for (char *line = content, *end; (end = strchr(line, '\n')) != NULL; line = end + 1) {
		unsigned long long pid;
		*end = '\0';
		/* 0 is a process of another PID namespace. */
		if (text_number(line, &pid) && pid > 1 && pid < INT_MAX)
			(void)kill((pid_t)pid, SIGKILL);
	}
}

static int remove_below(int directory, unsigned int depth)
{
	kill_members(directory);
	return depth < MAX_DEPTH ? remove_children(directory, depth) : -1;
}

int cgroup_remove(const char *path, struct fault *fault)
{
	struct timespec pause = { .tv_nsec = 500000 };
	for (int attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
		if (rmdir(path) == 0 || errno == ENOENT)
			return 0;
		if (errno != EBUSY && errno != ENOTEMPTY)
			return fault_errno(fault, "rmdir", path);
		/* A process that has been reaped may hold its cgroup for some microseconds more. */
		int directory = attempt < 2 ? -1 : open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (directory >= 0) {
			(void)remove_below(directory, 0);
			close(directory);
		}
		nanosleep(&pause, NULL);
		if (pause.tv_nsec < 250000000)
			pause.tv_nsec *= 2;
	}
	return fault_set(fault, EBUSY, "rmdir", path);
}
