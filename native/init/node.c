/* Device nodes. */
#include "files.h"
#include "inside.h"
#include "operations.h"

unsigned device_number(unsigned major, unsigned minor)
{
	return (minor & 0xff) | (major & 0xfff) << 8 | (minor & ~0xffU) << 12;
}

/* The node is there. CVE-2026-41579: what stands under its name may be anything, so it is opened and looked at. */
static int finish_node(struct execution *x, int parent, const char *name)
{
	int dir = in_field(x, MAKE_NODE_DIR);
	const char *path = text_field(x, MAKE_NODE_PATH);
	unsigned mode = unsigned_field(x, MAKE_NODE_MODE);
	unsigned major = unsigned_field(x, MAKE_NODE_MAJOR);
	unsigned minor = unsigned_field(x, MAKE_NODE_MINOR);
	CLOSING node = k_openat(parent, name, O_PATH | O_NOFOLLOW, 0);
	if (node < 0)
		return fail(x, node, "openat(%f, %q, O_PATH|O_NOFOLLOW)", dir, path);
	struct statx status;
	int error = k_statx(node, "", AT_EMPTY_PATH, STATX_TYPE | STATX_MODE | STATX_UID | STATX_GID, &status);
	if (error < 0)
		return fail(x, error, "statx(%f, %q)", dir, path);
	bool device = S_ISCHR(mode) || S_ISBLK(mode);
	if ((status.stx_mode & S_IFMT) != (mode & S_IFMT) ||
	    (device && (status.stx_rdev_major != major || status.stx_rdev_minor != minor)))
		return violate(x, "%f %q is not the device %d:%d", dir, path, (int)major, (int)minor);
	error = change_owner(node, int_field(x, MAKE_NODE_UID), int_field(x, MAKE_NODE_GID));
	if (error < 0)
		return fail(x, error, "fchownat(%f, %q, %l, %l)", dir, path, int_field(x, MAKE_NODE_UID),
		            int_field(x, MAKE_NODE_GID));
	if ((status.stx_mode & 07777) == (mode & 07777))
		return 0;
	error = change_mode(node, mode & 07777);
	return error < 0 ? fail(x, error, "fchmod(%f, %q, %o)", dir, path, mode & 07777) : 0;
}

int op_make_node(struct execution *x)
{
	int dir = in_field(x, MAKE_NODE_DIR);
	const char *path = text_field(x, MAKE_NODE_PATH);
	unsigned mode = unsigned_field(x, MAKE_NODE_MODE);
	const char *name;
	bool owned;
	int parent = open_parent(dir, path, &name, &owned);
	if (parent < 0)
		return fail(x, parent, "openat2(%f, parent of %q, RESOLVE_BENEATH)", dir, path);
	int error = k_mknodat(parent, name, mode,
	                      device_number(unsigned_field(x, MAKE_NODE_MAJOR), unsigned_field(x, MAKE_NODE_MINOR)));
	if (error < 0 && error != -EEXIST)
		fail(x, error, "mknodat(%f, %q, %o, %d:%d)", dir, path, mode, (int)unsigned_field(x, MAKE_NODE_MAJOR),
		     (int)unsigned_field(x, MAKE_NODE_MINOR));
	else
		error = finish_node(x, parent, name);
	if (owned)
		k_close(parent);
	return error < 0 ? -1 : 0;
}
