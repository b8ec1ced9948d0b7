#include "terminal.h"

#include "inside.h"
#include "operations.h"


struct window_size {
	unsigned short rows;
	unsigned short columns;
	unsigned short width;
	unsigned short height;
};

bool is_terminal(int fd)
{
	struct termios settings;
	return k_ioctl(fd, TCGETS, &settings) == 0;
}

struct terminal find_terminal(void)
{
	struct terminal terminal = { .fd = -1 };
	for (int fd = 0; fd < 3 && terminal.fd < 0; fd++) {
		if (is_terminal(fd))
			terminal.fd = fd;
	}
	return terminal;
}

bool in_foreground(int fd)
{
	int group = 0;
	/* No controlling terminal of ours: nobody contests it. */
	if (k_ioctl(fd, TIOCGPGRP, &group) < 0)
		return true;
	return group == (int)call1(__NR_getpgid, 0);
}

void make_raw(struct terminal *terminal)
{
	/* Output alone, as in `run -t … | less`, does not make the keyboard ours. */
	if (terminal->raw || terminal->fd != 0 || !in_foreground(0))
		return;
	if (k_ioctl(terminal->fd, TCGETS, &terminal->saved) < 0)
		return;
	struct termios raw = terminal->saved;
	raw.c_iflag &= (tcflag_t) ~(IGNBRK | BRKINT | PARMRK | ISTRIP | INLCR | IGNCR | ICRNL | IXON);
	raw.c_oflag &= (tcflag_t)~OPOST;
	raw.c_lflag &= (tcflag_t) ~(ECHO | ECHONL | ICANON | ISIG | IEXTEN);
	raw.c_cflag &= (tcflag_t) ~(CSIZE | PARENB);
	raw.c_cflag |= CS8;
	raw.c_cc[VMIN] = 1;
	raw.c_cc[VTIME] = 0;
	terminal->raw = k_ioctl(terminal->fd, TCSETS, &raw) == 0;
}

void restore_terminal(struct terminal *terminal)
{
	if (!terminal->raw)
		return;
	/* TCSETSW: what was written in raw mode is shown in raw mode. */
	k_ioctl(terminal->fd, TCSETSW, &terminal->saved);
	terminal->raw = false;
}

void copy_window_size(const struct terminal *terminal, int master)
{
	struct window_size size;
	if (terminal->fd >= 0 && k_ioctl(terminal->fd, TIOCGWINSZ, &size) == 0)
		k_ioctl(master, TIOCSWINSZ, &size);
}

char end_of_file_byte(int master)
{
	struct termios settings;
	if (k_ioctl(master, TCGETS, &settings) < 0)
		return 4;
	return (char)settings.c_cc[VEOF];
}

/* Lets \n be \n where the output goes to a file or a pipe, whose reader asked for no carriage returns. */
static void keep_line_ends(int terminal)
{
	struct termios settings;
	if (is_terminal(1) || k_ioctl(terminal, TCGETS, &settings) < 0)
		return;
	settings.c_oflag &= (tcflag_t)~ONLCR;
	k_ioctl(terminal, TCSETS, &settings);
}

#define PTMX_MAJOR 5
#define PTMX_MINOR 2

/* CVE-2025-52565: nothing is opened by a path that the container can change, the slave comes from the master. */
static int open_master(struct execution *x, int devpts)
{
	struct statfs filesystem;
	int error = k_fstatfs(devpts, &filesystem);
	if (error < 0)
		return fail(x, error, "fstatfs(%f)", devpts);
	if (filesystem.f_type != DEVPTS_MAGIC)
		return violate(x, "%f is not on devpts", devpts);
	int master = open_resolved(devpts, "ptmx", O_RDWR | O_NOCTTY | O_NOFOLLOW, 0,
	                           RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV);
	if (master < 0)
		return fail(x, master, "openat2(%f, \"ptmx\", O_RDWR|O_NOFOLLOW)", devpts);
	struct statx status;
	error = k_statx(master, "", AT_EMPTY_PATH, STATX_TYPE, &status);
	if (error == 0 && S_ISCHR(status.stx_mode) && status.stx_rdev_major == PTMX_MAJOR &&
	    status.stx_rdev_minor == PTMX_MINOR)
		return master;
	k_close(master);
	return violate(x, "%f \"ptmx\" is not the character device %d:%d", devpts, PTMX_MAJOR, PTMX_MINOR);
}

int op_open_terminal(struct execution *x)
{
	int64_t uid = int_field(x, OPEN_TERMINAL_UID);
	struct window_size size = {
		.rows = (unsigned short)int_field(x, OPEN_TERMINAL_ROWS),
		.columns = (unsigned short)int_field(x, OPEN_TERMINAL_COLUMNS),
	};
	CLOSING master = open_master(x, in_field(x, OPEN_TERMINAL_DEVPTS));
	if (master < 0)
		return master;
	const int unlocked = 0;
	int error = k_ioctl(master, TIOCSPTLCK, &unlocked);
	if (error < 0)
		return fail(x, error, "ioctl(%f, TIOCSPTLCK)", master);
	CLOSING slave = (int)call3(__NR_ioctl, master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (slave < 0)
		return fail(x, slave, "ioctl(%f, TIOCGPTPEER)", master);
	if (size.rows || size.columns) {
		error = k_ioctl(slave, TIOCSWINSZ, &size);
		if (error < 0)
			return fail(x, error, "ioctl(%f, TIOCSWINSZ)", slave);
	}
	error = uid == -1 ? 0 : k_fchownat(slave, "", (unsigned)uid, ~0U, AT_EMPTY_PATH);
	if (error < 0)
		return fail(x, error, "fchown(%f, %l)", slave, uid);
	/* Before the program can write: the section that copies may be late. */
	if (int_field(x, OPEN_TERMINAL_RELAYED))
		keep_line_ends(slave);
	out_field(x, OPEN_TERMINAL_MASTER, master);
	out_field(x, OPEN_TERMINAL_SLAVE, slave);
	master = -1;
	slave = -1;
	return 0;
}

int op_attach_terminal(struct execution *x)
{
	int slave = in_field(x, ATTACH_TERMINAL_SLAVE);
	for (int fd = 0; fd < 3; fd++) {
		int error = k_dup3(slave, fd, 0);
		if (error < 0)
			return fail(x, error, "dup3(%f, %d)", slave, fd);
	}
	int error = (int)call3(__NR_ioctl, 0, TIOCSCTTY, 0);
	return error < 0 ? fail(x, error, "ioctl(%f, TIOCSCTTY)", slave) : 0;
}
