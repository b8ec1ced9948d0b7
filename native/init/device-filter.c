/* The device filter of a control group of version 2: there is no devices controller, an eBPF program decides. */
#include "operations.h"

#include "../common/memory.h"

#include <linux/bpf.h>
#include <linux/mman.h>

#define MAX_PROGRAMS 64

static int load_program(struct execution *x, const char *instructions, size_t length)
{
	static const char license[] = "Apache-2.0";
	union bpf_attr attributes = { 0 };
	attributes.prog_type = BPF_PROG_TYPE_CGROUP_DEVICE;
	attributes.insns = (uint64_t)(uintptr_t)instructions;
	attributes.insn_cnt = (uint32_t)(length / sizeof(struct bpf_insn));
	attributes.license = (uint64_t)(uintptr_t)license;
	int program = k_bpf(BPF_PROG_LOAD, &attributes, sizeof(attributes));
	if (program < 0)
		fail(x, program, "bpf(BPF_PROG_LOAD, CGROUP_DEVICE, %d instructions)", (int)attributes.insn_cnt);
	return program;
}

/* The programs attached to this very cgroup. Returns their number, or an errno number negated. */
static int attached_programs(int cgroup, uint32_t ids[MAX_PROGRAMS])
{
	union bpf_attr attributes = { 0 };
	attributes.query.target_fd = (uint32_t)cgroup;
	attributes.query.attach_type = BPF_CGROUP_DEVICE;
	attributes.query.prog_ids = (uint64_t)(uintptr_t)ids;
	attributes.query.prog_cnt = MAX_PROGRAMS;
	int error = k_bpf(BPF_PROG_QUERY, &attributes, sizeof(attributes));
	return error < 0 ? error : (int)attributes.query.prog_cnt;
}

static int program_by_id(uint32_t id)
{
	union bpf_attr attributes = { 0 };
	attributes.prog_id = id;
	return k_bpf(BPF_PROG_GET_FD_BY_ID, &attributes, sizeof(attributes));
}

static int attach(int cgroup, int program, int replaced)
{
	union bpf_attr attributes = { 0 };
	attributes.target_fd = (uint32_t)cgroup;
	attributes.attach_bpf_fd = (uint32_t)program;
	attributes.attach_type = BPF_CGROUP_DEVICE;
	attributes.attach_flags = BPF_F_ALLOW_MULTI;
	if (replaced >= 0) {
		attributes.attach_flags |= BPF_F_REPLACE;
		attributes.replace_bpf_fd = (uint32_t)replaced;
	}
	return k_bpf(BPF_PROG_ATTACH, &attributes, sizeof(attributes));
}

static int detach_program(int cgroup, int program)
{
	union bpf_attr attributes = { 0 };
	attributes.target_fd = (uint32_t)cgroup;
	attributes.attach_bpf_fd = (uint32_t)program;
	attributes.attach_type = BPF_CGROUP_DEVICE;
	return k_bpf(BPF_PROG_DETACH, &attributes, sizeof(attributes));
}

int op_attach_device_filter(struct execution *x)
{
	int cgroup = in_field(x, ATTACH_DEVICE_FILTER_CGROUP);
	size_t length = data_length(x, ATTACH_DEVICE_FILTER_PROGRAM);
	if (length == 0 || length % sizeof(struct bpf_insn) != 0)
		return fail_as(x, FAILED_PROTOCOL, 0, "a program of %d bytes", (int)length);
	/* Instructions are read in words of eight bytes, and a plan's data lie where they lie. */
	long copy = k_map(length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS);
	if (copy < 0 && copy > -4096)
		return fail(x, copy, "mmap(%d)", (int)length);
	memcpy((void *)copy, text_field(x, ATTACH_DEVICE_FILTER_PROGRAM), length);
	CLOSING program = load_program(x, (const char *)copy, length);
	if (program < 0)
		return -1;
	uint32_t ids[MAX_PROGRAMS];
	int count = int_field(x, ATTACH_DEVICE_FILTER_REPLACE) ? attached_programs(cgroup, ids) : 0;
	if (count < 0)
		return fail(x, count, "bpf(BPF_PROG_QUERY, %f)", cgroup);
	CLOSING only = count == 1 ? program_by_id(ids[0]) : -1;
	int error = attach(cgroup, program, only);
	if (error >= 0 && only >= 0)
		return 0;
	/* Before 5.6 one cannot be put in another's place: both decide for a moment, and either may refuse. */
	if (error < 0 && only >= 0)
		error = attach(cgroup, program, -1);
	if (error < 0)
		return fail(x, error, "bpf(BPF_PROG_ATTACH, %f, CGROUP_DEVICE, BPF_F_ALLOW_MULTI)", cgroup);
	for (int i = 0; i < count; i++) {
		CLOSING old = program_by_id(ids[i]);
		error = old < 0 ? old : detach_program(cgroup, old);
		if (error < 0 && error != -ENOENT)
			return fail(x, error, "bpf(BPF_PROG_DETACH, %f, program %d)", cgroup, (int)ids[i]);
	}
	return 0;
}
