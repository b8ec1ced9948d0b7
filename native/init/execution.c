#include "execution.h"

#include "../common/names.h"
#include "operations.h"

#include <linux/mman.h>

static void describe_register(struct format *out, int fd, const void *context)
{
	const struct execution *x = context;
	if (fd == AT_FDCWD) {
		format_text(out, "AT_FDCWD");
		return;
	}
	format_text(out, "[");
	format_number(out, fd);
	format_text(out, "]");
	for (unsigned i = 0; fd >= 0 && i < x->plan.registers; i++) {
		if (x->registers[i] == fd) {
			format_print(out, "<%s>", plan_label(&x->plan, i));
			return;
		}
	}
}

static struct format start_message(struct execution *x, enum failure_kind kind, long number)
{
	struct failure *failure = &x->failure;
	failure->section = x->section;
	failure->index = x->index;
	failure->kind = kind;
	failure->number = (int)(number < 0 ? -number : number);
	struct format out = format_start(failure->message, sizeof(failure->message));
	out.describe = describe_register;
	out.context = x;
	return out;
}

int fail(struct execution *x, long errno_number, const char *pattern, ...)
{
	struct format out = start_message(x, FAILED_ERRNO, errno_number);
	va_list arguments;
	va_start(arguments, pattern);
	format_arguments(&out, pattern, arguments);
	va_end(arguments);
	format_print(&out, ": %s", errno_name(x->failure.number));
	return -1;
}

int violate(struct execution *x, const char *pattern, ...)
{
	struct format out = start_message(x, FAILED_SAFETY, 0);
	va_list arguments;
	va_start(arguments, pattern);
	format_arguments(&out, pattern, arguments);
	va_end(arguments);
	return -1;
}

int fail_as(struct execution *x, enum failure_kind kind, long errno_number, const char *pattern, ...)
{
	struct format out = start_message(x, kind, errno_number);
	va_list arguments;
	va_start(arguments, pattern);
	format_arguments(&out, pattern, arguments);
	va_end(arguments);
	return -1;
}

void describe(struct execution *x, struct format *out, const char *pattern, ...)
{
	out->describe = describe_register;
	out->context = x;
	va_list arguments;
	va_start(arguments, pattern);
	format_arguments(out, pattern, arguments);
	va_end(arguments);
}

void clear_register(struct execution *x, unsigned number)
{
	if (x->registers[number] >= 0)
		k_close(x->registers[number]);
	if (x->registers[number] == x->attached_cover)
		x->attached_cover = -1;
	x->registers[number] = -1;
}

int out_field(struct execution *x, unsigned field, int fd)
{
	unsigned number = unsigned_field(x, field);
	clear_register(x, number);
	x->registers[number] = fd;
	return 0;
}

char **list_vector(struct execution *x, uint64_t list)
{
	uint32_t count = plan_length(list);
	long address = k_map(((size_t)count + 2) * sizeof(char *), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS);
	if (address < 0 && address > -4096) {
		fail(x, address, "mmap(%d arguments)", (int)count);
		return NULL;
	}
	/* execve takes char *const[] for historical reasons and writes nothing. */
	const char **vector = (const char **)address;
	for (uint32_t i = 0; i < count; i++)
		vector[i] = plan_element(&x->plan, list, i);
	vector[count] = NULL;
	return (char **)vector;
}

static int dispatch(struct execution *x)
{
#define RUN(code, suffix, ...) \
	case code: \
		return op_##suffix(x);
	switch (x->operation->code) {
		PLAN_OPERATIONS(RUN)
	default:
		return fail_as(x, FAILED_PROTOCOL, 0, "operation %d is unknown", (int)x->operation->code);
	}
#undef RUN
}

/* The first register that the operation reads and that holds nothing, or -1. */
static int empty_register(const struct execution *x)
{
	if (x->operation->code == OP_CLOSE)
		return -1;
	const struct operation_shape *shape = operation_shape(x->operation->code);
	for (unsigned i = 0; i < shape->count; i++) {
		bool read = shape->kinds[i] == FIELD_IN ||
		            (shape->kinds[i] == FIELD_IN_OPTIONAL && x->operation->field[i] != PLAN_ABSENT);
		if (read && x->registers[x->operation->field[i]] < 0)
			return (int)x->operation->field[i];
	}
	return -1;
}

int run_section(struct execution *x, enum plan_section section)
{
	x->section = section;
	uint32_t first = x->plan.sections[section].first;
	uint32_t count = x->plan.sections[section].count;
	for (uint32_t i = 0; i < count && !x->finished; i++) {
		x->operation = &x->plan.records[first + i];
		x->index = (int)i;
		int empty = empty_register(x);
		if (empty >= 0) {
			/* What was never made needs no cleaning up. */
			if (section == SECTION_CLEANUP)
				continue;
			return fail_as(x, FAILED_PROTOCOL, 0, "register %d <%s> is empty", empty,
			               plan_label(&x->plan, (unsigned)empty));
		}
		if (dispatch(x) < 0) {
			if (section != SECTION_CLEANUP)
				return -1;
			warn_cleanup(x);
		}
	}
	x->operation = NULL;
	x->index = -1;
	return 0;
}
