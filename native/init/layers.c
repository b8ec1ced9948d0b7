/*
 * Layers that are mounted once for all containers. An EROFS image that is mounted twice is cached twice, so each is
 * mounted in a mount namespace of its own, which a bind mount of its file keeps; a container gets clones. No process
 * lives there, and the host's mount table shows the bind mount alone.
 */
#include "loop.h"
#include "mounts.h"
#include "operations.h"

#include <linux/nsfs.h>

#define NAMESPACE_MAGIC 0x6e736673
#define EROFS_MAGIC 0xe0f5e1e2
#define LOCK_EXCLUSIVE 2
#define PATH_SIZE 4096
#define MAX_CPUS 512

/* Ends with the descriptor. */
static int lock(int fd)
{
	return (int)RETRIED(call2(__NR_flock, fd, LOCK_EXCLUSIVE));
}

static int pin_path(struct execution *x, const char *directory, char path[PATH_SIZE])
{
	struct format out = format_start(path, PATH_SIZE);
	format_print(&out, "%s/namespace", directory);
	return out.length + 1 < PATH_SIZE ? 0 : fail(x, ENAMETOOLONG, "open(%q)", directory);
}

/* The mount namespace that is bound at `path`, -ENOENT where there is none. */
static int open_pinned(const char *path)
{
	int fd = k_openat(AT_FDCWD, path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK, 0);
	if (fd < 0)
		return fd;
	struct statfs status;
	if (k_fstatfs(fd, &status) == 0 && status.f_type == NAMESPACE_MAGIC &&
	    k_ioctl(fd, NS_GET_NSTYPE, NULL) == CLONE_NEWNS)
		return fd;
	/* The empty file that the next one is bound over. */
	k_close(fd);
	return -ENOENT;
}

/* Leaves nothing in the caller's mount namespace, which is a new one, but a tmpfs. Returns an errno number, negated. */
static int empty_namespace(const char *directory)
{
	int error = k_mount("", "/", "", MS_REC | MS_PRIVATE);
	if (error < 0)
		return error;
	int fs = k_fsopen("tmpfs");
	if (fs < 0)
		return fs;
	error = k_fsconfig(fs, FSCONFIG_SET_STRING, "mode", "700", 0);
	if (error >= 0)
		error = k_fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0);
	int root = error < 0 ? error : k_fsmount(fs, 0);
	if (root < 0)
		return root;
	error = k_move_mount(root, "", AT_FDCWD, directory, MOVE_MOUNT_F_EMPTY_PATH);
	if (error >= 0)
		error = k_fchdir(root);
	if (error >= 0)
		error = k_pivot_root(".", ".");
	/* The old root lies over the new one. */
	return error < 0 ? error : k_umount(".", MNT_DETACH);
}

__attribute__((noreturn)) static void live_in_namespace(const char *directory, int cpu, int report, int end)
{
	uint64_t cpus[MAX_CPUS / 64] = { 0 };
	if (cpu >= 0) {
		cpus[cpu / 64] = (uint64_t)1 << (cpu % 64);
		call3(__NR_sched_setaffinity, 0, sizeof(cpus), cpus);
	}
	int error = k_unshare(CLONE_NEWNS);
	if (error >= 0)
		error = empty_namespace(directory);
	k_write(report, &error, sizeof(error));
	char byte;
	k_read(end, &byte, 1);
	k_exit(0);
}

/*
 * Binds the namespace that the process `pid` made, once it says that it is done. Returns -EINVAL, without a failure,
 * where the kernel takes the namespace for an older one than the caller's.
 */
static int pin(struct execution *x, int pid, int report, const char *path)
{
	int error = -ECHILD;
	if (k_read(report, &error, sizeof(error)) != sizeof(error) || error < 0)
		return fail(x, error, "making a mount namespace for layers");
	CLOSING file = k_openat(AT_FDCWD, path, O_RDONLY | O_CREAT | O_NOFOLLOW | O_NONBLOCK, 0600);
	if (file < 0)
		return fail(x, file, "openat(AT_FDCWD, %q, O_CREAT)", path);
	char source[64];
	struct format out = format_start(source, sizeof(source));
	format_print(&out, "/proc/%d/ns/mnt", pid);
	error = k_mount(source, path, "", MS_BIND);
	if (error == -EINVAL)
		return error;
	return error < 0 ? fail(x, error, "mount(%q, %q, MS_BIND)", source, path) : 0;
}

static int try_namespace(struct execution *x, const char *directory, const char *path, int cpu)
{
	int report[2];
	int end[2];
	int error = k_pipe(report, O_CLOEXEC);
	if (error < 0)
		return fail(x, error, "pipe2()");
	error = k_pipe(end, O_CLOEXEC);
	long pid = error < 0 ? error : call5(__NR_clone, SIGCHLD, 0, 0, 0, 0);
	if (pid == 0) {
		k_close(report[0]);
		k_close(end[1]);
		live_in_namespace(directory, cpu, report[1], end[0]);
	}
	k_close(report[1]);
	int done = pid < 0 ? fail(x, pid, "clone()") : pin(x, (int)pid, report[0], path);
	k_close(report[0]);
	if (error >= 0) {
		k_close(end[0]);
		k_close(end[1]);
	}
	if (pid > 0) {
		siginfo_t info = { 0 };
		k_waitid(P_PID, (int)pid, &info, WEXITED);
	}
	return done;
}

/*
 * A namespace may only be bound in an older one, and Linux 6.18 tells age by numbers that each processor gives out by
 * itself: one that is made where the caller's was made is younger for certain.
 */
static int make_namespace(struct execution *x, const char *directory, const char *path)
{
	int done = -EINVAL;
	for (int cpu = -1; done == -EINVAL && cpu < MAX_CPUS; cpu++)
		done = try_namespace(x, directory, path, cpu);
	return done == -EINVAL ? fail(x, EINVAL, "mount(a new mount namespace, %q, MS_BIND)", path) : done;
}

static int open_or_make(struct execution *x, const char *directory)
{
	char path[PATH_SIZE];
	if (pin_path(x, directory, path) < 0)
		return -1;
	int namespace = open_pinned(path);
	if (namespace >= 0)
		return namespace;
	/* Of two that come first one makes it. */
	CLOSING locked = k_openat(AT_FDCWD, directory, O_RDONLY | O_DIRECTORY, 0);
	int error = locked < 0 ? locked : lock(locked);
	if (error < 0)
		return fail(x, error, "flock(%q)", directory);
	namespace = open_pinned(path);
	if (namespace == -ENOENT) {
		if (make_namespace(x, directory, path) < 0)
			return -1;
		namespace = open_pinned(path);
	}
	return namespace < 0 ? fail(x, namespace, "openat(AT_FDCWD, %q)", path) : namespace;
}

/* Joins a mount namespace, keeping root and working directory; `entered` becomes the root of that namespace. */
static int change_namespace(int namespace, int *entered)
{
	CLOSING root = k_openat(AT_FDCWD, "/", O_PATH | O_DIRECTORY, 0);
	CLOSING here = k_openat(AT_FDCWD, ".", O_PATH | O_DIRECTORY, 0);
	if (root < 0 || here < 0)
		return root < 0 ? root : here;
	int error = k_setns(namespace, CLONE_NEWNS);
	if (error < 0)
		return error;
	if (entered)
		*entered = k_openat(AT_FDCWD, "/", O_RDONLY | O_DIRECTORY, 0);
	error = k_fchdir(root);
	if (error >= 0)
		error = k_chroot(".");
	if (error >= 0)
		error = k_fchdir(here);
	return error < 0 || !entered || *entered >= 0 ? error : *entered;
}

int op_enter_layers(struct execution *x)
{
	CLOSING namespace = open_or_make(x, text_field(x, ENTER_LAYERS_DIRECTORY));
	if (namespace < 0)
		return -1;
	int home = k_openat(AT_FDCWD, "/proc/self/ns/mnt", O_RDONLY, 0);
	if (home < 0)
		return fail(x, home, "openat(AT_FDCWD, \"/proc/self/ns/mnt\")");
	int entered = -1;
	int error = change_namespace(namespace, &entered);
	if (error < 0) {
		change_namespace(home, NULL);
		k_close(home);
		return fail(x, error, "setns(%f, CLONE_NEWNS)", namespace);
	}
	error = out_field(x, ENTER_LAYERS_OUT, home);
	return error < 0 ? error : out_field(x, ENTER_LAYERS_ROOT, entered);
}

/* What is mounted for a file is named by the file itself: while it is mounted no other has these numbers. */
static int name_layer(const char *file, char name[64])
{
	struct stat status;
	int error = k_fstatat(AT_FDCWD, file, &status, 0);
	if (error < 0)
		return error;
	struct format out = format_start(name, 64);
	format_print(&out, "%x-%x", (uint64_t)status.st_dev, (uint64_t)status.st_ino);
	return 0;
}

/* Returns -ENOENT for a layer that is not mounted. */
static int clone_layer(int root, const char *name)
{
	int clone = k_open_tree(root, name, OPEN_TREE_CLONE);
	if (clone < 0)
		return clone;
	struct statfs status;
	if (k_fstatfs(clone, &status) == 0 && status.f_type == EROFS_MAGIC)
		return clone;
	k_close(clone);
	return -ENOENT;
}

static int mount_image(struct execution *x, const char *file)
{
	CLOSING fs = k_fsopen("erofs");
	if (fs < 0)
		return fail(x, fs, "fsopen(\"erofs\")");
	CLOSING device = -1;
	if (int_field(x, SHARE_LAYER_LOOP)) {
		device = attach_loop(x, fs, file);
		if (device < 0)
			return -1;
	} else {
		int error = k_fsconfig(fs, FSCONFIG_SET_STRING, "source", file, 0);
		if (error < 0)
			return fail(x, error, "fsconfig(%f, FSCONFIG_SET_STRING, \"source\", %q)", fs, file);
		const char *archive = text_field(x, SHARE_LAYER_ARCHIVE);
		error = archive ? k_fsconfig(fs, FSCONFIG_SET_STRING, "device", archive, 0) : 0;
		if (error < 0)
			return fail(x, error, "fsconfig(%f, FSCONFIG_SET_STRING, \"device\", %q)", fs, archive);
	}
	k_fsconfig(fs, FSCONFIG_SET_FLAG, "ro", NULL, 0);
	int error = k_fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0);
	int mount = error < 0 ? error : k_fsmount(fs, MOUNT_ATTR_RDONLY);
	if (mount >= 0)
		return mount;
	fail(x, mount, "mounting the EROFS image %q", file);
	return fail_filesystem(x, fs);
}

static int share(struct execution *x, int root, const char *file)
{
	char name[64];
	int error = name_layer(file, name);
	if (error < 0)
		return fail(x, error, "stat(%q)", file);
	int clone = clone_layer(root, name);
	if (clone >= 0)
		return clone;
	/* A descriptor of its own: a lock belongs to the opening, and `root` stays open. */
	CLOSING locked = k_openat(root, ".", O_RDONLY | O_DIRECTORY, 0);
	error = locked < 0 ? locked : lock(locked);
	if (error < 0)
		return fail(x, error, "flock(%f)", root);
	clone = clone_layer(root, name);
	if (clone >= 0)
		return clone;
	CLOSING mount = mount_image(x, file);
	if (mount < 0)
		return -1;
	error = k_mkdirat(root, name, 0700);
	if (error >= 0 || error == -EEXIST)
		error = k_move_mount(mount, "", root, name, MOVE_MOUNT_F_EMPTY_PATH);
	if (error < 0)
		return fail(x, error, "move_mount(%f, \"\", %f, %q)", mount, root, name);
	clone = clone_layer(root, name);
	return clone < 0 ? fail(x, clone, "open_tree(%f, %q, OPEN_TREE_CLONE)", root, name) : clone;
}

int op_share_layer(struct execution *x)
{
	int clone = share(x, in_field(x, SHARE_LAYER_ROOT), text_field(x, SHARE_LAYER_FILE));
	if (clone >= 0)
		return out_field(x, SHARE_LAYER_OUT, clone);
	/* What follows a failure is the host's business. */
	change_namespace(in_field(x, SHARE_LAYER_HOME), NULL);
	return -1;
}

static bool is_kept(const char *name, char *const *files)
{
	for (size_t i = 0; files[i]; i++) {
		char kept[64];
		if (name_layer(files[i], kept) >= 0 && text_equal(kept, name))
			return true;
	}
	return false;
}

static void unmount_others(int root, char *const *files)
{
	_Alignas(8) char entries[8192];
	long length;
	while ((length = k_entries(root, entries, sizeof(entries))) > 0) {
		for (long at = 0; at < length;) {
			const struct kernel_directory_entry *entry = (const void *)(entries + at);
			at += entry->length;
			if (entry->name[0] == '.' || is_kept(entry->name, files))
				continue;
			char path[128];
			struct format out = format_start(path, sizeof(path));
			format_print(&out, "/proc/self/fd/%d/%s", root, entry->name);
			k_umount(path, MNT_DETACH | UMOUNT_NOFOLLOW);
			k_unlinkat(root, entry->name, AT_REMOVEDIR);
		}
	}
}

int op_keep_layers(struct execution *x)
{
	int root = in_field(x, KEEP_LAYERS_ROOT);
	char **files = list_vector(x, raw_field(x, KEEP_LAYERS_FILES));
	CLOSING listed = files ? k_openat(root, ".", O_RDONLY | O_DIRECTORY, 0) : -1;
	/* Nobody mounts one meanwhile. */
	int error = listed < 0 ? listed : lock(listed);
	if (error >= 0) {
		unmount_others(listed, files);
		return 0;
	}
	if (files)
		fail(x, error, "flock(%f)", root);
	change_namespace(in_field(x, KEEP_LAYERS_HOME), NULL);
	return -1;
}

int op_leave_layers(struct execution *x)
{
	int home = in_field(x, LEAVE_LAYERS_HOME);
	int error = change_namespace(home, NULL);
	if (error < 0)
		return fail(x, error, "setns(%f, CLONE_NEWNS)", home);
	clear_register(x, unsigned_field(x, LEAVE_LAYERS_HOME));
	clear_register(x, unsigned_field(x, LEAVE_LAYERS_ROOT));
	return 0;
}

int op_unpin_layers(struct execution *x)
{
	const char *directory = text_field(x, UNPIN_LAYERS_DIRECTORY);
	char path[PATH_SIZE];
	if (pin_path(x, directory, path) < 0)
		return -1;
	CLOSING locked = k_openat(AT_FDCWD, directory, O_RDONLY | O_DIRECTORY, 0);
	if (locked == -ENOENT)
		return 0;
	int error = locked < 0 ? locked : lock(locked);
	if (error < 0)
		return fail(x, error, "flock(%q)", directory);
	error = k_umount(path, MNT_DETACH | UMOUNT_NOFOLLOW);
	if (error < 0 && error != -EINVAL && error != -ENOENT)
		return fail(x, error, "umount2(%q, MNT_DETACH)", path);
	error = k_unlinkat(AT_FDCWD, path, 0);
	return error < 0 && error != -ENOENT ? fail(x, error, "unlinkat(%q)", path) : 0;
}
