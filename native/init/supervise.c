/* Watching over the container of a foreground `run`: its end, the caller's signals, the terminal. */
#include "channel.h"
#include "operations.h"
#include "relay.h"
#include "spawn.h"
#include "terminal.h"

#include <linux/signalfd.h>

/* What is not the container's business: our own children, and what our own calls caused. */
#define OWN_SIGNALS \
	(SIGNAL_BIT(SIGCHLD) | SIGNAL_BIT(SIGPIPE) | SIGNAL_BIT(SIGURG) | SIGNAL_BIT(SIGTTIN) | SIGNAL_BIT(SIGTTOU))

struct supervision {
	struct terminal terminal;
	struct relay relay;
	bool has_terminal;
	/* The child is in the caller's own process group: the terminal signals it by itself. */
	bool same_group;
};

static void end_supervision(struct supervision *supervision)
{
	restore_terminal(&supervision->terminal);
	if (supervision->has_terminal)
		relay_end(&supervision->relay);
}

/* Reaps every child that has ended; orphans come to a subreaper. */
static void reap(struct execution *x)
{
	for (;;) {
		siginfo_t info = { 0 };
		int error = k_waitid(P_ALL, 0, &info, WEXITED | WNOHANG);
		if (error < 0 || info.si_pid == 0)
			return;
		if (info.si_pid != x->child.pid)
			continue;
		x->child.ended = true;
		x->child.code = info.si_code;
		x->child.status = info.si_status;
	}
}

/* Ctrl-Z in the caller's shell: the terminal is given back, and taken again when the job continues. */
static void suspend(struct execution *x, struct supervision *supervision)
{
	k_pidfd_signal(x->child.pidfd, SIGTSTP);
	restore_terminal(&supervision->terminal);
	k_kill(k_getpid(), SIGSTOP);
	make_raw(&supervision->terminal);
}

static void take_signal(struct execution *x, struct supervision *supervision, const struct signalfd_siginfo *signal)
{
	int number = (int)signal->ssi_signo;
	bool sent_to_both = supervision->same_group && signal->ssi_code == SI_KERNEL;
	if (number == SIGWINCH && supervision->has_terminal) {
		copy_window_size(&supervision->terminal, supervision->relay.master);
		return;
	}
	if (number == SIGTSTP) {
		suspend(x, supervision);
		return;
	}
	if (number == SIGCONT)
		make_raw(&supervision->terminal);
	if (SIGNAL_BIT(number) & OWN_SIGNALS)
		return;
	if (!sent_to_both)
		k_pidfd_signal(x->child.pidfd, number);
}

static void take_signals(struct execution *x, struct supervision *supervision)
{
	struct signalfd_siginfo signal;
	while (k_read(x->signals, &signal, sizeof(signal)) == (long)sizeof(signal))
		take_signal(x, supervision, &signal);
}

/* The child may still report that execve failed. */
static int watch_channel(struct execution *x)
{
	bool ended;
	int result = channel_poll(x, &ended);
	if (!ended)
		return result < 0 ? -1 : 0;
	k_close(x->channel);
	x->channel = -1;
	return 0;
}

enum { WATCH_SIGNALS, WATCH_CHILD, WATCH_CHANNEL, WATCH_RELAY };

static int supervise(struct execution *x, struct supervision *supervision)
{
	while (!x->child.ended) {
		struct pollfd watched[WATCH_RELAY + RELAY_WATCHED] = {
			[WATCH_SIGNALS] = { .fd = x->signals, .events = POLLIN },
			[WATCH_CHILD] = { .fd = x->child.pidfd, .events = POLLIN },
			[WATCH_CHANNEL] = { .fd = x->channel, .events = POLLIN },
		};
		unsigned count = WATCH_RELAY;
		struct __kernel_timespec pause;
		const struct __kernel_timespec *timeout = NULL;
		if (supervision->has_terminal) {
			timeout = relay_watch(&supervision->relay, watched + WATCH_RELAY, &pause);
			count += RELAY_WATCHED;
		}
		int ready = k_poll(watched, count, timeout);
		if (ready < 0)
			return fail(x, ready, "ppoll()");
		if (watched[WATCH_SIGNALS].revents)
			take_signals(x, supervision);
		if (watched[WATCH_CHANNEL].revents && watch_channel(x) < 0)
			return -1;
		if (supervision->has_terminal)
			relay_run(&supervision->relay, watched + WATCH_RELAY);
		reap(x);
	}
	/* Its failure may have come together with its end. */
	if (x->channel >= 0)
		return watch_channel(x);
	return 0;
}

int op_supervise(struct execution *x)
{
	if (x->is_child || x->child.pid == 0 || x->child.ended)
		return fail_as(x, FAILED_PROTOCOL, 0, "there is no child to watch over");
	int group = (int)call1(__NR_getpgid, x->child.pid);
	__attribute__((cleanup(end_supervision))) struct supervision supervision = {
		.terminal = { .fd = -1 },
		.same_group = group > 0 && group == (int)call1(__NR_getpgid, 0),
	};
	int master = in_field(x, SUPERVISE_TERMINAL);
	if (master >= 0) {
		supervision.has_terminal = true;
		supervision.terminal = find_terminal();
		relay_start(&supervision.relay, master);
		copy_window_size(&supervision.terminal, master);
		make_raw(&supervision.terminal);
	}
	if (supervise(x, &supervision) < 0)
		return -1;
	if (supervision.has_terminal)
		relay_drain(&supervision.relay);
	x->exit_code = child_exit_code(&x->child);
	return 0;
}
