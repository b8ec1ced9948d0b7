#include "failure.h"

#include "../common/names.h"
#include "channel.h"
#include "operations.h"

static const char *const kind_names[] = {
	[FAILED_ERRNO] = "errno",           [FAILED_SAFETY] = "safety", [FAILED_HOOK] = "hook",
	[FAILED_EXECUTABLE] = "executable", [FAILED_SIGNAL] = "signal", [FAILED_PROTOCOL] = "protocol",
};

static void write_all(int fd, const char *bytes, size_t length)
{
	while (length > 0) {
		long written = k_write(fd, bytes, length);
		/* There is nobody else to tell. */
		if (written <= 0)
			return;
		bytes += written;
		length -= (size_t)written;
	}
}

void print_message(const char *pattern, ...)
{
	char line[MESSAGE_SIZE + 256];
	struct format out = format_start(line, sizeof(line) - 1);
	format_text(&out, "corten-init: ");
	va_list arguments;
	va_start(arguments, pattern);
	format_arguments(&out, pattern, arguments);
	va_end(arguments);
	line[out.length] = '\n';
	write_all(2, line, out.length + 1);
}

static void warn(struct execution *x, const char *about)
{
	const char *at = plan_text(&x->plan, x->operation->at);
	print_message("warning: %s%s%s%s", about, at, *at ? ": " : "", x->failure.message);
}

void warn_cleanup(struct execution *x)
{
	warn(x, "cleaning up: ");
}

void warn_hook(struct execution *x)
{
	warn(x, "");
}

/* The operation at fault; NULL when the failure belongs to none. */
static const struct record *failed_record(const struct execution *x, const struct failure *failure)
{
	if (failure->index < 0 || (uint32_t)failure->index >= x->plan.sections[failure->section].count)
		return NULL;
	return &x->plan.records[x->plan.sections[failure->section].first + (uint32_t)failure->index];
}

static void add_field(struct format *out, const char *text)
{
	format_bytes(out, text, text_length(text) + 1);
}

static void add_number(struct format *out, int number)
{
	format_number(out, number);
	format_bytes(out, "", 1);
}

/* Fields that end with NUL: section, index, operation, setting, errno, its name, kind, message. */
static struct format make_record(const struct execution *x, const struct failure *failure, char *data, size_t size)
{
	const struct record *record = failed_record(x, failure);
	struct format out = format_start(data, size);
	add_field(&out, section_name(failure->section));
	add_number(&out, failure->index);
	add_field(&out, record ? operation_shape(record->code)->name : "");
	/* A long setting must not push the message out. */
	const char *at = record ? plan_text(&x->plan, record->at) : "";
	size_t length = text_length(at);
	format_bytes(&out, at, length < 1024 ? length : 1024);
	format_bytes(&out, "", 1);
	add_number(&out, failure->number);
	add_field(&out, errno_name(failure->number));
	add_field(&out, kind_names[failure->kind]);
	add_field(&out, failure->message);
	return out;
}

void report_to_parent(struct execution *x)
{
	const struct failure *failure = &x->failure;
	if (x->channel < 0 || channel_send_failure(x->channel, failure) < 0) {
		print_message("%s", failure->message);
		if (x->gate >= 0) {
			char data[MESSAGE_SIZE + 2048];
			struct format record = make_record(x, failure, data, sizeof(data));
			write_all(x->gate, record.data, record.length);
		}
	}
	k_exit(failure->number == ENOENT ? EXIT_NOT_FOUND : EXIT_NOT_EXECUTABLE);
}

/* O_EXCL after unlinking: whatever stood there, a link for example, is not written through. */
static int write_record(const struct execution *x, const struct failure *failure)
{
	const char *path = plan_text(&x->plan, x->plan.failure_file);
	if (!*path)
		return -ENOENT;
	char data[MESSAGE_SIZE + 2048];
	struct format record = make_record(x, failure, data, sizeof(data));
	int removed = k_unlinkat(AT_FDCWD, path, 0);
	if (removed < 0 && removed != -ENOENT)
		return removed;
	CLOSING fd = k_openat(AT_FDCWD, path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600);
	if (fd < 0)
		return fd;
	write_all(fd, record.data, record.length);
	return 0;
}

void end_failed(struct execution *x, const struct failure *failure)
{
	if (write_record(x, failure) < 0) {
		const struct record *record = failed_record(x, failure);
		const char *at = record ? plan_text(&x->plan, record->at) : "";
		print_message("%s%s%s", at, *at ? ": " : "", failure->message);
	}
	if (plan_length(x->plan.on_failure) > 0) {
		char **argv = list_vector(x, x->plan.on_failure);
		k_umask(x->caller_umask);
		k_sigmask(SIG_SETMASK, &x->caller_signals, NULL);
		/*
		 * Where this section entered a PID namespace for its child, the report would be written by a process that
		 * cannot make threads: clone() refuses CLONE_THREAD while children go to another namespace.
		 */
		CLOSING own = k_openat(AT_FDCWD, "/proc/self/ns/pid", O_RDONLY | O_CLOEXEC, 0);
		if (own >= 0)
			(void)k_setns(own, CLONE_NEWPID);
		if (argv) {
			int error = k_execve(argv[0], argv, x->environment);
			print_message("execve(%q): %s", argv[0], errno_name(-error));
		}
		print_message("%s", failure->message);
	}
	k_exit(EXIT_FAILED);
}
