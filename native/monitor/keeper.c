#define _GNU_SOURCE
#include "keeper.h"

#include "clients.h"
#include "ending.h"
#include "process.h"
#include "serve.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* How long the exit record waits for the log to be complete: a lossless client may hold that up. */
#define DRAIN_MS 2000
/* A worker that dies at once so often is not made again. */
#define MAX_WORKERS 100

struct keeper {
	const struct options *options;
	struct service service;
	struct child_ends ends;
	int console;
	int signals;
	pid_t container;
	pid_t worker;
	unsigned int workers;
	bool ended;
	struct ending ending;
	/* When the container ended, in milliseconds of the monotonic clock. */
	long long ended_at;
	/* Its log is complete. */
	bool drained;
	bool recorded;
};

static int prepare(struct keeper *keeper, struct fault *fault)
{
	const struct options *options = keeper->options;
	sigset_t child;
	if (process_settle(options->directory, fault) < 0)
		return -1;
	signals_block();
	sigemptyset(&child);
	sigaddset(&child, SIGCHLD);
	keeper->signals = signalfd(-1, &child, SFD_CLOEXEC | SFD_NONBLOCK);
	if (keeper->signals < 0)
		return fault_errno(fault, "signalfd", "SIGCHLD");
	if (log_open(&keeper->service.log, options->log, options->log_max, fault) < 0)
		return -1;
	if (identity_write(IDENTITY_FILE, fault) < 0)
		return -1;
	keeper->service.listener = socket_listen(ATTACH_SOCKET, fault);
	if (keeper->service.listener < 0)
		return -1;
	keeper->console = options->terminal ? socket_listen(CONSOLE_SOCKET, fault) : -1;
	if (options->terminal && keeper->console < 0)
		return -1;
	return streams_make(&keeper->service.streams, &keeper->ends, options->terminal, options->stdin_open, fault);
}

static int hold(const struct keeper *keeper, struct fault *fault)
{
	struct pollfd listener = { .fd = keeper->service.listener, .events = POLLIN };
	report("held", 0);
	int ready = poll(&listener, 1, HOLD_SECONDS * 1000);
	return ready > 0 ? 0 : fault_set(fault, ETIMEDOUT, "poll", ATTACH_SOCKET);
}

static void discard_signals(const struct keeper *keeper)
{
	struct signalfd_siginfo info;
	while (read(keeper->signals, &info, sizeof(info)) > 0)
		continue;
}

/* Takes the master that the container's maker sends while the executor runs. */
static int take_terminal(struct keeper *keeper, struct fault *fault)
{
	int connection = socket_accept(keeper->console);
	if (connection < 0)
		return 0;
	/* The message follows at once; the executor may have connected a moment before it. */
	struct pollfd incoming = { .fd = connection, .events = POLLIN };
	(void)poll(&incoming, 1, 5000);
	int result = streams_receive_terminal(&keeper->service.streams, connection, keeper->options->stdin_open, fault);
	close(connection);
	return result;
}

/* Waits for the executor; returns its wait status, or -1 with a fault. */
static int await_executor(struct keeper *keeper, pid_t executor, struct fault *fault)
{
	for (;;) {
		int status;
		pid_t got = waitpid(executor, &status, WNOHANG);
		bool terminal_missing = keeper->console >= 0 && keeper->service.streams.terminal < 0;
		if (terminal_missing && take_terminal(keeper, fault) < 0) {
			kill(executor, SIGKILL);
			(void)waitpid(executor, &status, 0);
			return -1;
		}
		if (got == executor)
			return status;
		if (got < 0 && errno != EINTR)
			return fault_errno(fault, "waitpid", "executor");
		struct pollfd entries[2] = {
			{ .fd = keeper->signals, .events = POLLIN },
			{ .fd = terminal_missing ? keeper->console : -1, .events = POLLIN },
		};
		(void)poll(entries, 2, -1);
		discard_signals(keeper);
	}
}

static void remove_files(void)
{
	(void)unlink(IDENTITY_FILE);
	(void)unlink(ATTACH_SOCKET);
	(void)unlink(CONSOLE_SOCKET);
}

static bool ignore_frame(void *context, const struct frame *frame)
{
	(void)context;
	(void)frame;
	return true;
}

/* Tells clients that wait for the start that there is none. */
static void refuse_clients(const struct keeper *keeper, unsigned char code)
{
	int fd;
	while ((fd = socket_accept(keeper->service.listener)) >= 0)
		clients_add(fd, keeper->options->terminal, keeper->options->stdin_open);
	clients_send(FRAME_FAILED, &code, 1);
	for (int i = 0; i < 20 && clients_pending(false); i++) {
		struct pollfd entries[MAX_CLIENTS];
		unsigned int count = clients_poll(entries, false);
		if (poll(entries, count, 50) > 0)
			clients_handle(entries, count, ignore_frame, NULL);
	}
	clients_close();
}

static _Noreturn void work(struct keeper *keeper, int control)
{
	struct service *service = &keeper->service;
	report_close();
	close(keeper->signals);
	if (keeper->console >= 0)
		close(keeper->console);
	service->control = control;
	service->process = (int)syscall(SYS_pidfd_open, keeper->container, 0);
	serve(service);
	/* The keeper was killed: nobody else will say that the container has ended. */
	struct fault fault;
	if (service->control < 0)
		_exit(exit_record_write(keeper->options->exit_record, NULL, &fault) < 0);
	_exit(0);
}

static void tell_end(const struct keeper *keeper)
{
	const unsigned char message[3] = { CONTROL_ENDED, keeper->ending.code, keeper->ending.signal };
	if (keeper->service.control >= 0)
		(void)send(keeper->service.control, message, sizeof(message), MSG_NOSIGNAL | MSG_DONTWAIT);
}

static void tell_recorded(const struct keeper *keeper)
{
	const unsigned char message = CONTROL_RECORDED;
	if (keeper->service.control >= 0)
		(void)send(keeper->service.control, &message, sizeof(message), MSG_NOSIGNAL | MSG_DONTWAIT);
}

static void make_worker(struct keeper *keeper)
{
	int pair[2];
	if (keeper->service.control >= 0)
		close(keeper->service.control);
	keeper->service.control = -1;
	keeper->worker = -1;
	if (keeper->workers++ >= MAX_WORKERS || socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return;
	pid_t pid = fork();
	if (pid == 0) {
		close(pair[0]);
		work(keeper, pair[1]);
	}
	close(pair[1]);
	if (pid < 0) {
		close(pair[0]);
		return;
	}
	keeper->service.control = pair[0];
	keeper->worker = pid;
	if (keeper->ended)
		tell_end(keeper);
	if (keeper->recorded)
		tell_recorded(keeper);
}

static long long now_ms(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (long long)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void note_end(struct keeper *keeper, int status)
{
	keeper->ended = true;
	keeper->ended_at = now_ms();
	keeper->ending = ending_of(status);
	keeper->ending.oom_killed = memory_kills(keeper->options->memory_events);
	tell_end(keeper);
}

/* Says that the container has ended, once its log is complete: who sees the record finds the last line there. */
static void record_end(struct keeper *keeper)
{
	struct fault fault;
	if (!keeper->ended || keeper->recorded)
		return;
	if (!keeper->drained && keeper->worker > 0 && now_ms() - keeper->ended_at < DRAIN_MS)
		return;
	keeper->recorded = true;
	(void)exit_record_write(keeper->options->exit_record, &keeper->ending, &fault);
	tell_recorded(keeper);
	for (unsigned int i = 0; i < keeper->options->cgroup_count; i++)
		(void)cgroup_remove(keeper->options->cgroups[i], &fault);
}

static void reap(struct keeper *keeper)
{
	int status;
	pid_t pid;
	discard_signals(keeper);
	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		if (pid == keeper->container)
			note_end(keeper, status);
		else if (pid == keeper->worker && keeper->ended && WIFEXITED(status))
			keeper->worker = -1;
		else if (pid == keeper->worker)
			make_worker(keeper);
	}
}

static void take_message(struct keeper *keeper)
{
	char message;
	ssize_t got = recv(keeper->service.control, &message, 1, MSG_DONTWAIT);
	if (got == 1 && message == CONTROL_CLOSE_STDIN && keeper->service.streams.input >= 0) {
		close(keeper->service.streams.input);
		keeper->service.streams.input = -1;
	} else if (got == 1 && message == CONTROL_DRAINED) {
		keeper->drained = true;
	} else if (got == 0) {
		close(keeper->service.control);
		keeper->service.control = -1;
	}
}

static void keep(struct keeper *keeper)
{
	reap(keeper);
	record_end(keeper);
	while (!keeper->ended || keeper->worker > 0) {
		struct pollfd entries[2] = {
			{ .fd = keeper->signals, .events = POLLIN },
			{ .fd = keeper->service.control, .events = POLLIN },
		};
		(void)poll(entries, 2, keeper->ended && !keeper->recorded ? 100 : -1);
		if (entries[0].revents != 0)
			reap(keeper);
		if (entries[1].revents != 0 && keeper->service.control >= 0)
			take_message(keeper);
		record_end(keeper);
	}
}

static int become_remover(const struct options *options)
{
	if (options->remove_count == 0)
		return 0;
	signals_restore();
	if (chdir("/") < 0)
		return 125;
	execv(options->remove[0], (char **)options->remove);
	return 127;
}

static int fail(const struct keeper *keeper, const struct fault *fault)
{
	report_fault(fault);
	refuse_clients(keeper, 125);
	remove_files();
	return 125;
}

int keeper_run(const struct options *options)
{
	struct keeper keeper = { .options = options, .console = -1, .signals = -1, .worker = -1 };
	struct fault fault;
	keeper.service.control = keeper.service.process = keeper.service.listener = keeper.service.log.fd = -1;
	if (prepare(&keeper, &fault) < 0 || (options->hold && hold(&keeper, &fault) < 0))
		return fail(&keeper, &fault);

	pid_t executor = process_spawn(options->init, &keeper.ends, &fault);
	if (executor < 0)
		return fail(&keeper, &fault);
	child_ends_close(&keeper.ends);
	int status = await_executor(&keeper, executor, &fault);
	if (status < 0)
		return fail(&keeper, &fault);
	struct ending executor_ending = ending_of(status);
	if (executor_ending.code != 0) {
		/* Whoever started a held container has gone by now: the record is what is left to tell. */
		if (options->hold)
			(void)exit_record_write(options->exit_record, &executor_ending, &fault);
		report("failed", executor_ending.code);
		refuse_clients(&keeper, executor_ending.code);
		remove_files();
		return 125;
	}
	if (record_read(options->record, &keeper.container, &fault) < 0)
		return fail(&keeper, &fault);
	if (keeper.console >= 0)
		close(keeper.console);
	(void)unlink(CONSOLE_SOCKET);
	/* First, so that from the report on the keeper may be killed. */
	make_worker(&keeper);
	report("ready", (unsigned long long)keeper.container);
	report_close();
	keep(&keeper);

	remove_files();
	return become_remover(options);
}
