/* The mount calls that work on descriptors: a mount is prepared while detached, where nobody can reach it. */
#include "mounts.h"
#include "operations.h"

int op_open_tree(struct execution *x)
{
	int dir = dir_field(x, OPEN_TREE_DIR);
	const char *path = text_field(x, OPEN_TREE_PATH);
	unsigned flags = unsigned_field(x, OPEN_TREE_FLAGS) | (*path ? 0 : AT_EMPTY_PATH);
	int fd = k_open_tree(dir, path, flags);
	if (fd < 0)
		return fail(x, fd, "open_tree(%f, %q, %x)", dir, path, (uint64_t)flags);
	return out_field(x, OPEN_TREE_OUT, fd);
}

int op_open_filesystem(struct execution *x)
{
	const char *type = text_field(x, OPEN_FILESYSTEM_TYPE);
	int fd = k_fsopen(type);
	if (fd < 0)
		return fail(x, fd, "fsopen(%q)", type);
	return out_field(x, OPEN_FILESYSTEM_OUT, fd);
}

int fail_filesystem(struct execution *x, int fs)
{
	struct failure *failure = &x->failure;
	struct format out = { .data = failure->message, .capacity = sizeof(failure->message) };
	out.length = text_length(failure->message);
	char line[256];
	bool any = false;
	for (int lines = 0; lines < 8; lines++) {
		long length = k_read(fs, line, sizeof(line) - 1);
		if (length <= 0)
			break;
		while (length > 0 && line[length - 1] == '\n')
			length--;
		line[length] = '\0';
		format_print(&out, "%s%s", any ? "; " : " (", length > 2 && line[1] == ' ' ? line + 2 : line);
		any = true;
	}
	if (any)
		format_text(&out, ")");
	return -1;
}

int op_configure(struct execution *x)
{
	int fs = in_field(x, CONFIGURE_FS);
	const char *key = text_field(x, CONFIGURE_KEY);
	const char *value = text_field(x, CONFIGURE_VALUE);
	int error = k_fsconfig(fs, value ? FSCONFIG_SET_STRING : FSCONFIG_SET_FLAG, key, value, 0);
	if (error >= 0)
		return 0;
	if (value)
		fail(x, error, "fsconfig(%f, FSCONFIG_SET_STRING, %q, %q)", fs, key, value);
	else
		fail(x, error, "fsconfig(%f, FSCONFIG_SET_FLAG, %q)", fs, key);
	return fail_filesystem(x, fs);
}

int op_configure_descriptor(struct execution *x)
{
	int fs = in_field(x, CONFIGURE_DESCRIPTOR_FS);
	int fd = in_field(x, CONFIGURE_DESCRIPTOR_FD);
	const char *key = text_field(x, CONFIGURE_DESCRIPTOR_KEY);
	int error = k_fsconfig(fs, FSCONFIG_SET_FD, key, NULL, fd);
	if (error >= 0)
		return 0;
	fail(x, error, "fsconfig(%f, FSCONFIG_SET_FD, %q, %f)", fs, key, fd);
	return fail_filesystem(x, fs);
}

int op_create_mount(struct execution *x)
{
	int fs = in_field(x, CREATE_MOUNT_FS);
	unsigned attributes = unsigned_field(x, CREATE_MOUNT_ATTRIBUTES);
	int error = k_fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0);
	if (error < 0) {
		fail(x, error, "fsconfig(%f, FSCONFIG_CMD_CREATE)", fs);
		return fail_filesystem(x, fs);
	}
	int fd = k_fsmount(fs, attributes);
	if (fd < 0) {
		fail(x, fd, "fsmount(%f, %x)", fs, (uint64_t)attributes);
		return fail_filesystem(x, fs);
	}
	clear_register(x, unsigned_field(x, CREATE_MOUNT_FS));
	return out_field(x, CREATE_MOUNT_OUT, fd);
}

int op_pick_filesystem(struct execution *x)
{
	int target = in_field(x, PICK_FILESYSTEM_TARGET);
	int fd = k_fspick(target);
	if (fd < 0)
		return fail(x, fd, "fspick(%f, \"\", FSPICK_EMPTY_PATH)", target);
	return out_field(x, PICK_FILESYSTEM_OUT, fd);
}

int op_reconfigure(struct execution *x)
{
	int fs = in_field(x, RECONFIGURE_FS);
	int error = k_fsconfig(fs, FSCONFIG_CMD_RECONFIGURE, NULL, NULL, 0);
	if (error >= 0)
		return 0;
	fail(x, error, "fsconfig(%f, FSCONFIG_CMD_RECONFIGURE)", fs);
	return fail_filesystem(x, fs);
}

int op_set_mount_attributes(struct execution *x)
{
	int target = in_field(x, SET_MOUNT_ATTRIBUTES_TARGET);
	int userns = in_field(x, SET_MOUNT_ATTRIBUTES_USERNS);
	unsigned flags = AT_EMPTY_PATH | (int_field(x, SET_MOUNT_ATTRIBUTES_RECURSIVE) ? AT_RECURSIVE : 0);
	struct mount_attr attributes = {
		.attr_set = raw_field(x, SET_MOUNT_ATTRIBUTES_SET) | (userns >= 0 ? (uint64_t)MOUNT_ATTR_IDMAP : 0),
		.attr_clr = raw_field(x, SET_MOUNT_ATTRIBUTES_CLEAR),
		.propagation = raw_field(x, SET_MOUNT_ATTRIBUTES_PROPAGATION),
		.userns_fd = (unsigned)(userns >= 0 ? userns : 0),
	};
	int error = k_mount_setattr(target, flags, &attributes);
	if (error >= 0)
		return 0;
	const char *recursive = flags & AT_RECURSIVE ? "|AT_RECURSIVE" : "";
	if (userns >= 0)
		return fail(x, error, "mount_setattr(%f, \"\", AT_EMPTY_PATH%s, {set %x, userns %f})", target, recursive,
		            (uint64_t)attributes.attr_set, userns);
	return fail(x, error, "mount_setattr(%f, \"\", AT_EMPTY_PATH%s, {set %x, clear %x, propagation %x})", target,
	            recursive, (uint64_t)attributes.attr_set, (uint64_t)attributes.attr_clr,
	            (uint64_t)attributes.propagation);
}

int op_move_mount(struct execution *x)
{
	int from = in_field(x, MOVE_MOUNT_FROM);
	int to = in_field(x, MOVE_MOUNT_TO);
	const char *path = text_field(x, MOVE_MOUNT_PATH);
	unsigned flags = MOVE_MOUNT_F_EMPTY_PATH | (*path ? 0 : MOVE_MOUNT_T_EMPTY_PATH);
	int error = k_move_mount(from, "", to, path, flags);
	if (error < 0)
		return fail(x, error, "move_mount(%f, \"\", %f, %q)", from, to, path);
	return 0;
}
