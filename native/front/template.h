/*
 * A plan that was made before, with gaps for what differs from one start to the next, and the conditions under
 * which it still holds. src/runtime/plan/template.ts writes it and describes the format.
 */
#ifndef CORTEN_FRONT_TEMPLATE_H
#define CORTEN_FRONT_TEMPLATE_H

#include "../common/plan.gen.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct reference {
	uint32_t offset;
	uint32_t length;
};

struct template_header {
	char magic[8];
	uint32_t version;
	uint32_t length;
	struct reference key;
	/* Elements of the three tables, and where each begins. */
	struct reference conditions;
	struct reference texts;
	struct reference patches;
	struct reference plan;
	/* Text that becomes state.json; all ones: nothing is stored, the plan is for an exec. */
	uint32_t record;
	/* Text: the path of the plan's file. */
	uint32_t plan_file;
};

struct condition {
	uint32_t kind;
	uint32_t reserved;
	struct reference path;
	struct reference data;
	uint64_t first;
	uint64_t second;
};

struct patch {
	/* Of a reference in the plan. */
	uint32_t position;
	uint32_t text;
};

#define TEMPLATE_ABSENT UINT32_MAX

struct template {
	const char *bytes;
	const struct template_header *header;
};

/* What the gaps are filled with. */
struct parameters {
	const char *values[TEMPLATE_PARAMETERS];
};

/* Checks that every reference lies inside. */
bool open_template(struct template *out, const char *bytes, size_t length);

/* Writes text `index` with its gaps filled, and a NUL. Returns its length; -1: it does not fit. */
long fill_text(const struct template *template, uint32_t index, const struct parameters *with, char *out, size_t size);

/* Writes the whole plan, its gaps filled. Returns its length; -1: it does not fit. */
long fill_plan(const struct template *template, const struct parameters *with, char *out, size_t size);

/* True when everything that the plan was made from is as it was. */
bool conditions_hold(const struct template *template, const struct parameters *with);

#endif
