/* Loop devices: before Linux 6.12 EROFS takes no file, only a block device. */
#include "../common/memory.h"
#include "loop.h"
#include "operations.h"

#include <linux/loop.h>

/* Another process may take the free device first. */
#define MAX_TRIES 64

/* Opens a free device that shows `file`, read-only, until its last user is gone. `path` is its own. */
static int take_device(int control, int file, const char *name, char path[32])
{
	struct loop_config config = {
		.fd = (unsigned)file,
		.info = { .lo_flags = LO_FLAGS_READ_ONLY | LO_FLAGS_AUTOCLEAR },
	};
	size_t length = text_length(name);
	memcpy(config.info.lo_file_name, name, length < LO_NAME_SIZE ? length : LO_NAME_SIZE - 1);
	int error = -EBUSY;
	for (int tries = 0; error == -EBUSY && tries < MAX_TRIES; tries++) {
		int number = k_ioctl(control, LOOP_CTL_GET_FREE, NULL);
		if (number < 0)
			return number;
		struct format out = format_start(path, 32);
		format_print(&out, "/dev/loop%d", number);
		int device = k_openat(AT_FDCWD, path, O_RDONLY, 0);
		if (device < 0)
			return device;
		error = k_ioctl(device, LOOP_CONFIGURE, &config);
		if (error >= 0)
			return device;
		k_close(device);
	}
	return error;
}

int attach_loop(struct execution *x, int fs, const char *name)
{
	CLOSING file = k_openat(AT_FDCWD, name, O_RDONLY, 0);
	if (file < 0)
		return fail(x, file, "openat(AT_FDCWD, %q)", name);
	CLOSING control = k_openat(AT_FDCWD, "/dev/loop-control", O_RDWR, 0);
	if (control < 0)
		return fail(x, control, "openat(AT_FDCWD, \"/dev/loop-control\")");
	char path[32] = "/dev/loop";
	int device = take_device(control, file, name, path);
	if (device < 0)
		return fail(x, device, "ioctl(%q, LOOP_CONFIGURE, %q)", path, name);
	int error = k_fsconfig(fs, FSCONFIG_SET_STRING, "source", path, 0);
	if (error < 0) {
		k_close(device);
		return fail(x, error, "fsconfig(%f, FSCONFIG_SET_STRING, \"source\", %q)", fs, path);
	}
	return device;
}

int op_attach_loop(struct execution *x)
{
	int fs = in_field(x, ATTACH_LOOP_FS);
	int device = attach_loop(x, fs, text_field(x, ATTACH_LOOP_FILE));
	return device < 0 ? device : out_field(x, ATTACH_LOOP_OUT, device);
}
