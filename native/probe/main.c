/*
 * corten-probe: tries what containers need of the kernel, each in a child of its own, and prints one line for each: its
 * name, and the errno number that it failed with, 0 for none. Nothing it makes outlives it: namespaces, detached mounts
 * and descriptors go with the child.
 */
#include "../common/format.h"
#include "../common/kernel.h"
#include "../common/memory.h"

#include <linux/bpf.h>
#include <linux/filter.h>
#include <linux/landlock.h>
#include <linux/mount.h>
#include <linux/prctl.h>
#include <linux/sched.h>
#include <linux/seccomp.h>

#ifndef MOUNT_ATTR_IDMAP
#define MOUNT_ATTR_IDMAP 0x00100000
#endif
#ifndef AT_RECURSIVE
#define AT_RECURSIVE 0x8000
#endif

int main(int argc, char **argv, char **envp);

static int probe_unshare(unsigned long flags)
{
	return k_unshare(flags);
}

static int write_text(const char *path, const char *text, size_t length)
{
	int fd = k_openat(AT_FDCWD, path, O_WRONLY, 0);
	return fd < 0 ? fd : (int)k_write(fd, text, length);
}

/* Maps the user that this process was to the superuser of its user namespace. */
static int become_root(unsigned uid, unsigned gid)
{
	static const char *const files[] = { "/proc/self/uid_map", "/proc/self/gid_map" };
	const unsigned ids[] = { uid, gid };
	write_text("/proc/self/setgroups", "deny", 4);
	for (unsigned i = 0; i < 2; i++) {
		char map[32];
		struct format out = format_start(map, sizeof(map));
		format_print(&out, "0 %d 1", (int)ids[i]);
		int error = write_text(files[i], map, out.length);
		if (error < 0)
			return error;
	}
	return 0;
}

/* Mounts are tried in a namespace of their own; who may not make one tries as the root of a user namespace. */
static int enter_mounts(void)
{
	unsigned uid = (unsigned)call0(__NR_geteuid);
	unsigned gid = (unsigned)call0(__NR_getegid);
	int error = k_unshare(CLONE_NEWNS);
	if (error != -EPERM)
		return error;
	error = k_unshare(CLONE_NEWUSER | CLONE_NEWNS);
	return error < 0 ? error : become_root(uid, gid);
}

static int new_tmpfs(void)
{
	int fs = k_fsopen("tmpfs");
	if (fs < 0)
		return fs;
	int error = k_fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0);
	return error < 0 ? error : k_fsmount(fs, 0);
}

static int probe_mounts(unsigned long unused)
{
	(void)unused;
	int error = enter_mounts();
	if (error < 0)
		return error;
	int mount = new_tmpfs();
	if (mount < 0)
		return mount;
	struct mount_attr attributes = { .attr_set = MOUNT_ATTR_RDONLY };
	return k_mount_setattr(mount, AT_EMPTY_PATH, &attributes);
}

static int probe_open_tree(unsigned long unused)
{
	(void)unused;
	int error = enter_mounts();
	return error < 0 ? error : k_open_tree(AT_FDCWD, "/", OPEN_TREE_CLONE | AT_RECURSIVE);
}

static int probe_overlay(unsigned long unused)
{
	(void)unused;
	int error = enter_mounts();
	if (error < 0)
		return error;
	int mount = new_tmpfs();
	if (mount < 0)
		return mount;
	static const char *const names[] = { "lower", "upper", "work" };
	for (unsigned i = 0; i < 3; i++) {
		if ((error = k_mkdirat(mount, names[i], 0755)) < 0)
			return error;
	}
	if ((error = k_fchdir(mount)) < 0)
		return error;
	int fs = k_fsopen("overlay");
	if (fs < 0)
		return fs;
	static const char *const keys[] = { "lowerdir", "upperdir", "workdir" };
	for (unsigned i = 0; i < 3; i++) {
		if ((error = k_fsconfig(fs, FSCONFIG_SET_STRING, keys[i], names[i], 0)) < 0)
			return error;
	}
	if ((error = k_fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0)) < 0)
		return error;
	return k_fsmount(fs, 0);
}

/* A file that is no image: EINVAL says that it was read, ENOTBLK that only block devices are. */
static int probe_erofs(unsigned long unused)
{
	(void)unused;
	int fs = k_fsopen("erofs");
	if (fs < 0)
		return fs;
	int error = k_fsconfig(fs, FSCONFIG_SET_STRING, "source", "/proc/self/exe", 0);
	if (error < 0)
		return error;
	error = k_fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0);
	return error == -EINVAL ? 0 : error;
}

static int probe_fuse(unsigned long unused)
{
	(void)unused;
	return k_openat(AT_FDCWD, "/dev/fuse", O_RDWR, 0);
}

static int probe_pidfd(unsigned long unused)
{
	(void)unused;
	return k_pidfd_open(k_getpid());
}

static int probe_openat2(unsigned long unused)
{
	(void)unused;
	struct open_how how = { .flags = O_PATH | O_CLOEXEC, .resolve = RESOLVE_IN_ROOT };
	return (int)call4(__NR_openat2, AT_FDCWD, "/", &how, sizeof(how));
}

static int probe_clone3(unsigned long unused)
{
	(void)unused;
	/* Too small to be taken: what matters is that the call is known. */
	int error = (int)call2(__NR_clone3, NULL, 0);
	return error == -EINVAL ? 0 : error;
}

static int probe_close_range(unsigned long unused)
{
	(void)unused;
	return k_close_range(1000000, 1000000, 0);
}

static int probe_seccomp(unsigned long flags)
{
	struct sock_filter allow = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	struct sock_fprog program = { .len = 1, .filter = &allow };
	int error = k_prctl(PR_SET_NO_NEW_PRIVS, 1, 0);
	return error < 0 ? error : (int)call3(__NR_seccomp, SECCOMP_SET_MODE_FILTER, flags, &program);
}

static int probe_device_program(unsigned long unused)
{
	(void)unused;
	const struct bpf_insn allow[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = 1 },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	union bpf_attr attributes;
	memset(&attributes, 0, sizeof(attributes));
	attributes.prog_type = BPF_PROG_TYPE_CGROUP_DEVICE;
	attributes.insns = (uintptr_t)allow;
	attributes.insn_cnt = 2;
	attributes.license = (uintptr_t)"Apache-2.0";
	return k_bpf(BPF_PROG_LOAD, &attributes, sizeof(attributes));
}

static int probe_landlock(unsigned long unused)
{
	(void)unused;
	return (int)call3(__NR_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
}

/* A user namespace with a map of its own; its process lives as long as this one. */
static int mapped_namespace(void)
{
	int parent = k_getpid();
	int ends[2];
	int error = k_pipe(ends, O_CLOEXEC);
	if (error < 0)
		return error;
	long child = call5(__NR_clone, CLONE_NEWUSER | SIGCHLD, 0, 0, 0, 0);
	if (child < 0)
		return (int)child;
	if (child == 0) {
		char byte;
		k_prctl(PR_SET_PDEATHSIG, SIGKILL, 0);
		if ((int)call0(__NR_getppid) == parent)
			k_read(ends[0], &byte, 1);
		k_exit(0);
	}
	k_close(ends[0]);
	static const char map[] = "0 100000 1";
	static const char *const files[] = { "uid_map", "gid_map", "ns/user" };
	for (unsigned i = 0; i < 3; i++) {
		char path[64];
		struct format out = format_start(path, sizeof(path));
		format_print(&out, "/proc/%d/%s", (int)child, files[i]);
		error = i == 2 ? k_openat(AT_FDCWD, path, O_RDONLY, 0) : write_text(path, map, sizeof(map) - 1);
		if (error < 0)
			break;
	}
	return error;
}

static int probe_idmap(unsigned long unused)
{
	(void)unused;
	int userns = mapped_namespace();
	if (userns < 0)
		return userns;
	int tree = k_open_tree(AT_FDCWD, "/", OPEN_TREE_CLONE);
	if (tree < 0)
		return tree;
	struct mount_attr attributes = { .attr_set = MOUNT_ATTR_IDMAP, .userns_fd = (unsigned)userns };
	return k_mount_setattr(tree, AT_EMPTY_PATH, &attributes);
}

static const struct probe {
	const char *name;
	int (*try)(unsigned long argument);
	unsigned long argument;
} probes[] = {
	{ "userns", probe_unshare, CLONE_NEWUSER },
	{ "mount", probe_unshare, CLONE_NEWNS },
	{ "pid", probe_unshare, CLONE_NEWPID },
	{ "network", probe_unshare, CLONE_NEWNET },
	{ "ipc", probe_unshare, CLONE_NEWIPC },
	{ "uts", probe_unshare, CLONE_NEWUTS },
	{ "cgroup", probe_unshare, CLONE_NEWCGROUP },
	{ "time", probe_unshare, CLONE_NEWTIME },
	{ "rootless-all", probe_unshare,
	  CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS },
	{ "mount-api", probe_mounts, 0 },
	{ "open-tree", probe_open_tree, 0 },
	{ "idmap", probe_idmap, 0 },
	{ "overlay", probe_overlay, 0 },
	{ "erofs", probe_erofs, 0 },
	{ "fuse", probe_fuse, 0 },
	{ "pidfd", probe_pidfd, 0 },
	{ "openat2", probe_openat2, 0 },
	{ "clone3", probe_clone3, 0 },
	{ "close-range", probe_close_range, 0 },
	{ "seccomp", probe_seccomp, 0 },
	{ "seccomp-notify", probe_seccomp, SECCOMP_FILTER_FLAG_NEW_LISTENER },
	{ "bpf-devices", probe_device_program, 0 },
	{ "landlock", probe_landlock, 0 },
};

/* Writes the result to `pipe`: a child's exit status has only eight bits. */
static int run(const struct probe *probe)
{
	int ends[2];
	int result = k_pipe(ends, O_CLOEXEC);
	if (result < 0)
		return result;
	long child = call5(__NR_clone, SIGCHLD, 0, 0, 0, 0);
	if (child == 0) {
		result = probe->try(probe->argument);
		k_write(ends[1], &result, sizeof(result));
		k_exit(0);
	}
	k_close(ends[1]);
	/* A filter that kills is the strictest way to say no. */
	result = child < 0 ? (int)child : -EPERM;
	if (child > 0) {
		int told;
		siginfo_t info = { 0 };
		if (k_read(ends[0], &told, sizeof(told)) == (long)sizeof(told))
			result = told;
		k_waitid(P_PID, (int)child, &info, WEXITED);
	}
	k_close(ends[0]);
	return result < 0 ? -result : 0;
}

int main(int argc, char **argv, char **envp)
{
	(void)argc;
	(void)argv;
	(void)envp;
	for (unsigned i = 0; i < sizeof(probes) / sizeof(probes[0]); i++) {
		char text[64];
		struct format out = format_start(text, sizeof(text));
		format_print(&out, "%s %d\n", probes[i].name, run(&probes[i]));
		if (k_write(1, text, out.length) < 0)
			return 1;
	}
	return 0;
}
