/*
 * An encoded plan in memory, and the views of its records. The layout is src/runtime/plan/encode.ts; everything is
 * validated once, before the first operation, so that what follows can read without checks.
 */
#ifndef CORTEN_PLAN_H
#define CORTEN_PLAN_H

#include "../common/plan.gen.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PLAN_ABSENT UINT64_MAX

struct record {
	uint16_t code;
	uint16_t fields;
	uint32_t reserved;
	uint64_t at;
	uint64_t field[PLAN_MAX_FIELDS];
};

struct plan {
	const struct record *records;
	const char *pool;
	uint32_t pool_length;
	uint32_t operations;
	uint32_t registers;
	struct {
		uint32_t first;
		uint32_t count;
	} sections[PLAN_SECTIONS];
	uint64_t failure_file;
	uint64_t on_failure;
	uint64_t labels;
};

/* Fields of one operation of the union. */
struct operation_shape {
	const char *name;
	uint8_t count;
	uint8_t kinds[PLAN_MAX_FIELDS];
};

/*
 * Validates the `length` bytes at `bytes` (aligned to 8) and fills `plan`, which then points into them.
 * Returns NULL, or what is wrong with the plan; `record` is then the operation at fault, -1 for none.
 */
const char *plan_decode(struct plan *plan, const void *bytes, size_t length, int64_t *record);

/* The shape of the operation with that code, or NULL. */
const struct operation_shape *operation_shape(unsigned code);
const char *section_name(unsigned section);

/* Views of references, all of a decoded plan. */
static inline const char *plan_text(const struct plan *plan, uint64_t reference)
{
	return reference == PLAN_ABSENT ? NULL : plan->pool + (uint32_t)reference;
}

static inline uint32_t plan_length(uint64_t reference)
{
	return (uint32_t)(reference >> 32);
}

static inline const char *plan_element(const struct plan *plan, uint64_t list, uint32_t index)
{
	const uint64_t *elements = (const uint64_t *)(const void *)(plan->pool + (uint32_t)list);
	return plan_text(plan, elements[index]);
}

/* The name of what a register holds. */
static inline const char *plan_label(const struct plan *plan, unsigned register_number)
{
	return plan_element(plan, plan->labels, register_number);
}

#endif
