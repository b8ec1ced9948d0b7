/* Where and when the process runs, and where its memory lies. */
#include "operations.h"

#include "../common/memory.h"

#include <linux/ioprio.h>
#include <linux/sched/types.h>

int op_set_scheduler(struct execution *x)
{
	struct sched_attr attributes = {
		.size = sizeof(attributes),
		.sched_policy = unsigned_field(x, SET_SCHEDULER_POLICY),
		.sched_flags = raw_field(x, SET_SCHEDULER_FLAGS),
		.sched_nice = (int)int_field(x, SET_SCHEDULER_NICE),
		.sched_priority = unsigned_field(x, SET_SCHEDULER_PRIORITY),
		.sched_runtime = raw_field(x, SET_SCHEDULER_RUNTIME),
		.sched_deadline = raw_field(x, SET_SCHEDULER_DEADLINE),
		.sched_period = raw_field(x, SET_SCHEDULER_PERIOD),
	};
	long error = call3(__NR_sched_setattr, 0, &attributes, 0);
	if (error < 0)
		return fail(x, error, "sched_setattr(0, {policy %d, flags %x, nice %d, priority %d, %l/%l/%l ns})",
		            (int)attributes.sched_policy, (uint64_t)attributes.sched_flags, (int)attributes.sched_nice,
		            (int)attributes.sched_priority, (int64_t)attributes.sched_runtime,
		            (int64_t)attributes.sched_deadline, (int64_t)attributes.sched_period);
	return 0;
}

int op_set_io_priority(struct execution *x)
{
	int64_t class = int_field(x, SET_IO_PRIORITY_CLASS);
	int64_t level = int_field(x, SET_IO_PRIORITY_LEVEL);
	long error = call3(__NR_ioprio_set, IOPRIO_WHO_PROCESS, 0, class << IOPRIO_CLASS_SHIFT | level);
	return error < 0 ? fail(x, error, "ioprio_set(IOPRIO_WHO_PROCESS, 0, class %l, level %l)", class, level) : 0;
}

int op_set_cpu_affinity(struct execution *x)
{
	size_t length = data_length(x, SET_CPU_AFFINITY_CPUS);
	long error = call3(__NR_sched_setaffinity, 0, length, text_field(x, SET_CPU_AFFINITY_CPUS));
	return error < 0 ? fail(x, error, "sched_setaffinity(0, mask of %l bytes)", (int64_t)length) : 0;
}

int op_reset_cpu_affinity(struct execution *x)
{
	(void)x;
	unsigned char all[1024];
	memset(all, 0xff, sizeof(all));
	/* A sandbox around this one may forbid it, and the container runs all the same. */
	call3(__NR_sched_setaffinity, 0, sizeof(all), all);
	return 0;
}

int op_set_memory_policy(struct execution *x)
{
	uint64_t mode = raw_field(x, SET_MEMORY_POLICY_MODE);
	size_t length = data_length(x, SET_MEMORY_POLICY_NODES);
	/* The kernel reads one bit less than it is told of. */
	long error = length == 0 ? call3(__NR_set_mempolicy, mode, NULL, 0)
	                         : call3(__NR_set_mempolicy, mode, text_field(x, SET_MEMORY_POLICY_NODES), length * 8 + 1);
	return error < 0 ? fail(x, error, "set_mempolicy(%x, mask of %l bytes)", mode, (int64_t)length) : 0;
}
