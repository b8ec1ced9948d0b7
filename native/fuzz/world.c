#define _GNU_SOURCE
#include "world.h"

#include <dirent.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

static char base[] = "/tmp/corten-fuzz-XXXXXX";
static char root[64];
static char canary[64];
static unsigned long known;

#define MUST(call)                  \
	do {                        \
		if ((call) < 0) {   \
			perror(#call); \
			exit(2);    \
		}                   \
	} while (0)

static void make_file(const char *directory, const char *name, const char *content)
{
	char path[128];
	snprintf(path, sizeof(path), "%s/%s", directory, name);
	int fd = open(path, O_CREAT | O_WRONLY | O_TRUNC, 0640);
	MUST(fd);
	MUST(write(fd, content, strlen(content)));
	close(fd);
}

static void add(const void *bytes, size_t length)
{
	for (size_t i = 0; i < length; i++)
		known = (known ^ ((const unsigned char *)bytes)[i]) * 1099511628211UL;
}

/* Everything in a directory of the canary: names, kinds, owners, times. */
static void add_directory(const char *path)
{
	struct dirent **entries;
	int count = scandir(path, &entries, NULL, alphasort);
	MUST(count);
	for (int i = 0; i < count; i++) {
		char each[512];
		struct stat status;
		snprintf(each, sizeof(each), "%s/%s", path, entries[i]->d_name);
		add(each, strlen(each));
		MUST(lstat(each, &status));
		add(&status.st_mode, sizeof(status.st_mode));
		add(&status.st_uid, sizeof(status.st_uid));
		add(&status.st_nlink, sizeof(status.st_nlink));
		add(&status.st_size, sizeof(status.st_size));
		add(&status.st_ctim, sizeof(status.st_ctim));
		if (S_ISDIR(status.st_mode) && entries[i]->d_name[0] != '.')
			add_directory(each);
		free(entries[i]);
	}
	free(entries);
}

static unsigned long summary(void)
{
	known = 14695981039346656037UL;
	add_directory(canary);
	return known;
}

static unsigned long before;

static void remove_base(void)
{
	/* The directory itself lies in the file system of the caller; all else goes with the namespace. */
	umount2(base, MNT_DETACH);
	rmdir(base);
}

void world_start(void)
{
	MUST(unshare(CLONE_NEWNS));
	MUST(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL));
	if (!mkdtemp(base))
		exit(2);
	atexit(remove_base);
	MUST(mount("fuzz", base, "tmpfs", 0, "size=16m"));
	snprintf(root, sizeof(root), "%s/root", base);
	snprintf(canary, sizeof(canary), "%s/canary", base);
	MUST(mkdir(root, 0755));
	MUST(mkdir(canary, 0755));
	make_file(canary, "secret", "canary");
	char path[128];
	snprintf(path, sizeof(path), "%s/directory", canary);
	MUST(mkdir(path, 0700));
	make_file(path, "file", "sings");
	before = summary();
}

const char *world_canary(void)
{
	return canary;
}

static void make_link(const char *target, const char *name)
{
	MUST(symlink(target, name));
}

int world_renew(void)
{
	umount2(root, MNT_DETACH);
	MUST(mount("root", root, "tmpfs", 0, "size=8m,nr_inodes=512"));
	MUST(chdir(root));
	MUST(mkdir("dir", 0755));
	MUST(mkdir("dir/deep", 0755));
	MUST(mkdir("empty", 0755));
	make_file(root, "file", "file");
	make_file(root, "dir/deep/file", "file");
	make_link(canary, "abs");
	make_link("../../../../../../..", "up");
	make_link("loop", "loop");
	make_link("nowhere/else", "dangling");
	make_link("/dir/deep", "inner");
	make_link("/proc/self/root", "magic");
	char target[128];
	snprintf(target, sizeof(target), "../../../..%s/secret", canary);
	make_link(target, "dir/secret");
	snprintf(target, sizeof(target), "%s/made", canary);
	make_link(target, "dir/made");
	make_link("..", "dir/deep/back");
	MUST(mkfifo("dir/fifo", 0600));
	MUST(mknod("null", S_IFCHR | 0666, makedev(1, 3)));
	MUST(mknod("dir/zero", S_IFCHR | 0666, makedev(1, 5)));
	MUST(link("file", "dir/hard"));
	MUST(chdir("/"));
	int fd = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
	MUST(fd);
	return fd;
}

void world_check(void)
{
	if (summary() != before) {
		fprintf(stderr, "the canary was changed\n");
		abort();
	}
	FILE *mounts = fopen("/proc/self/mountinfo", "r");
	char line[4096];
	while (mounts && fgets(line, sizeof(line), mounts)) {
		char point[4096] = "";
		/* Inside the root there may be directories of that name. */
		if (sscanf(line, "%*d %*d %*s %*s %4095s", point) == 1 && strncmp(point, canary, strlen(canary)) == 0) {
			fprintf(stderr, "something is mounted on the canary: %s", line);
			abort();
		}
	}
	if (mounts)
		fclose(mounts);
}
