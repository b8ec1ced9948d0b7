#define _GNU_SOURCE
#include "process.h"

#include "text.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static int close_from(unsigned int first)
{
	return (int)syscall(SYS_close_range, first, ~0U, 0);
}

int process_settle(const char *directory, struct fault *fault)
{
	int fd;
	(void)setsid();
	umask(077);
	/* A descriptor that was closed must not become a socket that the container then gets as its stdin. */
	do
		fd = open("/dev/null", O_RDWR);
	while (fd >= 0 && fd <= 2);
	if (fd < 0)
		return fault_errno(fault, "open", "/dev/null");
	if (fd != REPORT_FD)
		close(fd);
	if (close_from(REPORT_FD + 1) < 0)
		return fault_errno(fault, "close_range", "4");
	(void)fcntl(REPORT_FD, F_SETFD, FD_CLOEXEC);
	if (chdir(directory) < 0)
		return fault_errno(fault, "chdir", directory);
	if (prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) < 0)
		return fault_errno(fault, "prctl", "PR_SET_CHILD_SUBREAPER");
	return 0;
}

void signals_block(void)
{
	sigset_t all;
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, NULL);
}

void signals_restore(void)
{
	sigset_t none;
	for (int number = 1; number < NSIG; number++) {
		if (number == SIGKILL || number == SIGSTOP)
			continue;
		/* Ignoring a signal discards a pending one. */
		(void)signal(number, SIG_IGN);
		(void)signal(number, SIG_DFL);
	}
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

pid_t process_spawn(char **argv, const struct child_ends *ends, struct fault *fault)
{
	pid_t pid = fork();
	if (pid < 0)
		return fault_errno(fault, "fork", argv[0]);
	if (pid > 0)
		return pid;
	for (int i = 0; i < 3; i++) {
		if (dup2(ends->fd[i], i) < 0)
			_exit(125);
	}
	close_from(3);
	signals_restore();
	execv(argv[0], argv);
	_exit(errno == ENOENT ? 127 : 126);
}

/* Field 22 of proc_pid_stat(5), as text. Fields are counted after the name, which may hold anything. */
static const char *start_time(char *stat)
{
	char *at = strrchr(stat, ')');
	for (int field = 2; at != NULL && field < 22; field++)
		at = strchr(at + 1, ' ');
	if (at == NULL)
		return NULL;
	at[1 + strcspn(at + 1, " \n")] = '\0';
	return at + 1;
}

int identity_write(const char *name, struct fault *fault)
{
	char stat[1024];
	char line[64];
	struct text text = { .data = line, .capacity = sizeof(line) };
	int fd = open("/proc/self/stat", O_RDONLY | O_CLOEXEC);
	ssize_t length = fd < 0 ? -1 : read(fd, stat, sizeof(stat) - 1);
	if (fd >= 0)
		close(fd);
	stat[length > 0 ? length : 0] = '\0';
	const char *time = start_time(stat);
	if (time == NULL)
		return fault_set(fault, EPROTO, "read", "/proc/self/stat");
	text_add_number(&text, (unsigned long long)getpid(), 1);
	text_add(&text, " ");
	text_add(&text, time);
	text_add(&text, "\n");
	fd = open(name, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return fault_errno(fault, "open", name);
	ssize_t wrote = write(fd, line, text.length);
	close(fd);
	return wrote == (ssize_t)text.length ? 0 : fault_errno(fault, "write", name);
}

int record_read(const char *path, pid_t *pid, struct fault *fault)
{
	char content[64];
	int fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return fault_errno(fault, "open", path);
	ssize_t length = read(fd, content, sizeof(content) - 1);
	close(fd);
	content[length > 0 ? length : 0] = '\0';
	content[strcspn(content, " \n")] = '\0';
	unsigned long long number;
	if (!text_number(content, &number) || number == 0 || number > INT_MAX)
		return fault_set(fault, EPROTO, "read", path);
	*pid = (pid_t)number;
	return 0;
}

static void send_report(const struct text *text)
{
	/* SIGPIPE is blocked; a starter that has gone has nothing to learn. */
	(void)!write(REPORT_FD, text->data, text->length);
}

void report(const char *word, unsigned long long number)
{
	char line[64];
	struct text text = { .data = line, .capacity = sizeof(line) };
	text_add(&text, word);
	text_add(&text, " ");
	text_add_number(&text, number, 1);
	text_add(&text, "\n");
	send_report(&text);
}

void report_fault(const struct fault *fault)
{
	char line[320];
	struct text text = { .data = line, .capacity = sizeof(line) };
	const char *name = strerrorname_np(fault->error);
	text_add(&text, "error ");
	text_add(&text, fault->operation);
	text_add(&text, "(");
	text_add(&text, fault->subject);
	text_add(&text, "): ");
	text_add(&text, name != NULL ? name : "unknown");
	text_add(&text, "\n");
	send_report(&text);
}

void report_close(void)
{
	close(REPORT_FD);
}
