/* corten-init PLAN: performs a launch plan, then is the container's first process, or watches over it. */
#include "../common/names.h"
#include "channel.h"
#include "execution.h"
#include "failure.h"
#include "inherited.h"
#include "load.h"
#include "seal.h"
#include "spawn.h"

#include <linux/prctl.h>

int main(int argc, char **argv, char **envp);

/* Too large for a stack, and zero until it is used. */
static struct execution execution;
static struct failure first_failure;

static void block_signals(struct execution *x)
{
	/* A caller's SIGCHLD that is ignored would have the kernel reap our children. */
	const struct kernel_sigaction standard = { 0 };
	k_sigaction(SIGCHLD, &standard);
	const signal_set all = ~(signal_set)0;
	k_sigmask(SIG_SETMASK, &all, &x->caller_signals);
}

/* Signals are read where the host section waits; until then they stay pending. */
static int open_signals(struct execution *x)
{
	const signal_set all = ~(signal_set)0;
	x->signals = k_signalfd(-1, &all, O_CLOEXEC | O_NONBLOCK);
	return x->signals < 0 ? fail(x, x->signals, "signalfd4()") : 0;
}

__attribute__((noreturn)) static void fail_host(struct execution *x)
{
	channel_prefer_failure(x);
	first_failure = x->failure;
	end_servant(x, true);
	kill_child(x);
	x->finished = false;
	run_section(x, SECTION_CLEANUP);
	end_failed(x, &first_failure);
}

int main(int argc, char **argv, char **envp)
{
	if (argc != 2) {
		print_message("usage: corten-init PLAN");
		return EXIT_FAILED;
	}
	run_sealed(argv, envp);
	k_prctl(PR_SET_NAME, (unsigned long)"corten-init", 0);

	struct execution *x = &execution;
	x->environment = envp;
	x->channel = -1;
	x->signals = -1;
	x->own_descriptors = -1;
	x->gate = -1;
	x->attached_cover = -1;
	x->child.pidfd = -1;
	x->index = -1;
	x->section = SECTION_HOST;
	for (unsigned i = 0; i < PLAN_MAX_REGISTERS; i++)
		x->registers[i] = -1;
	if (load_plan(x, argv[1]) < 0)
		return EXIT_FAILED;

	block_signals(x);
	x->caller_umask = k_umask(0);
	if (take_inherited(x) < 0 || open_signals(x) < 0)
		fail_host(x);
	if (run_section(x, SECTION_HOST) < 0)
		fail_host(x);
	if (!x->finished) {
		/* Only `finish` lets a child live on. */
		kill_child(x);
		run_section(x, SECTION_CLEANUP);
	}
	return x->exit_code;
}
