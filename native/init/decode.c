/* Validation of an encoded plan. It allocates nothing and reads each byte only inside the given block. */
#include "../common/memory.h"
#include "plan.h"

struct header {
	char magic[8];
	uint32_t version;
	uint32_t length;
	uint32_t operations;
	uint32_t pool_length;
	uint32_t registers;
	uint32_t reserved;
	struct {
		uint32_t first;
		uint32_t count;
	} sections[PLAN_SECTIONS];
	uint64_t failure_file;
	uint64_t on_failure;
	uint64_t labels;
};

_Static_assert(sizeof(struct header) == PLAN_HEADER_SIZE, "header");
_Static_assert(sizeof(struct record) == PLAN_RECORD_SIZE, "record");
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "the plan is little-endian");

#define SHAPE(code_, suffix, name_, count_, ...) [code_] = { .name = name_, .count = count_, .kinds = { __VA_ARGS__ } },
static const struct operation_shape shapes[] = { PLAN_OPERATIONS(SHAPE) };
#undef SHAPE

const struct operation_shape *operation_shape(unsigned code)
{
	if (code >= sizeof(shapes) / sizeof(shapes[0]) || !shapes[code].name)
		return NULL;
	return &shapes[code];
}

const char *section_name(unsigned section)
{
	static const char *const names[PLAN_SECTIONS] = { "host", "container", "cleanup" };
	return section < PLAN_SECTIONS ? names[section] : "";
}

/* Bytes in the pool, followed by their NUL. */
static bool valid_data(const struct plan *plan, uint64_t reference)
{
	uint64_t offset = (uint32_t)reference;
	uint64_t length = reference >> 32;
	return offset + length < plan->pool_length && plan->pool[offset + length] == '\0';
}

/* A NUL inside would make the executor see another text than the one that was checked. */
static bool valid_text(const struct plan *plan, uint64_t reference)
{
	return valid_data(plan, reference) &&
	       !memchr(plan->pool + (uint32_t)reference, '\0', (size_t)(reference >> 32));
}

static bool valid_list(const struct plan *plan, uint64_t reference)
{
	uint64_t offset = (uint32_t)reference;
	uint64_t count = reference >> 32;
	if (offset % 8 != 0 || offset + count * 8 > plan->pool_length)
		return false;
	const uint64_t *elements = (const uint64_t *)(const void *)(plan->pool + offset);
	for (uint64_t i = 0; i < count; i++) {
		if (!valid_text(plan, elements[i]))
			return false;
	}
	return true;
}

static bool valid_field(const struct plan *plan, unsigned kind, uint64_t value)
{
	switch (kind) {
	case FIELD_NONE:
		return value == 0;
	case FIELD_IN_OPTIONAL:
		if (value == PLAN_ABSENT)
			return true;
		return value < plan->registers;
	case FIELD_IN:
	case FIELD_OUT:
		return value < plan->registers;
	case FIELD_INT:
		return true;
	case FIELD_TEXT_OPTIONAL:
		if (value == PLAN_ABSENT)
			return true;
		return valid_text(plan, value);
	case FIELD_TEXT:
		return valid_text(plan, value);
	case FIELD_DATA:
		return valid_data(plan, value);
	case FIELD_LIST:
		return valid_list(plan, value);
	case FIELD_SECTION:
		/* Only the host section clones, and only the container's is run by a child. */
		return value == SECTION_CONTAINER;
	default:
		return false;
	}
}

static const char *check_record(const struct plan *plan, const struct record *record)
{
	const struct operation_shape *shape = operation_shape(record->code);
	if (!shape)
		return "unknown operation";
	if (record->fields != shape->count || record->reserved != 0)
		return "wrong number of fields";
	if (!valid_text(plan, record->at))
		return "bad reference to the setting";
	for (unsigned i = 0; i < PLAN_MAX_FIELDS; i++) {
		if (!valid_field(plan, shape->kinds[i], record->field[i]))
			return "bad field";
	}
	return NULL;
}

/* Sections follow one another and cover all operations. */
static bool valid_sections(const struct header *header)
{
	uint64_t next = 0;
	for (unsigned i = 0; i < PLAN_SECTIONS; i++) {
		if (header->sections[i].first != next)
			return false;
		next += header->sections[i].count;
	}
	return next == header->operations;
}

static const char *check_header(const struct header *header, size_t length)
{
	if (memcmp(header->magic, PLAN_MAGIC, sizeof(header->magic)) != 0)
		return "not a plan";
	if (header->version != PLAN_VERSION)
		return "the plan's version is not the executor's";
	if (header->length != length)
		return "the plan's length is wrong";
	if (header->reserved != 0)
		return "bad header";
	if (header->operations > PLAN_MAX_OPERATIONS)
		return "too many operations";
	if (header->registers > PLAN_MAX_REGISTERS)
		return "too many registers";
	if (!valid_sections(header))
		return "bad section index";
	if ((uint64_t)PLAN_HEADER_SIZE + (uint64_t)header->operations * PLAN_RECORD_SIZE + header->pool_length != length)
		return "the plan's parts do not add up to its length";
	return NULL;
}

const char *plan_decode(struct plan *plan, const void *bytes, size_t length, int64_t *record)
{
	*record = -1;
	if (length < PLAN_HEADER_SIZE)
		return "the plan is shorter than its header";
	if (length > PLAN_MAX_SIZE)
		return "the plan is too long";
	const struct header *header = bytes;
	const char *wrong = check_header(header, length);
	if (wrong)
		return wrong;

	plan->records = (const struct record *)(const void *)((const char *)bytes + PLAN_HEADER_SIZE);
	plan->operations = header->operations;
	plan->pool = (const char *)(plan->records + header->operations);
	plan->pool_length = header->pool_length;
	plan->registers = header->registers;
	plan->failure_file = header->failure_file;
	plan->on_failure = header->on_failure;
	plan->labels = header->labels;
	memcpy(plan->sections, header->sections, sizeof(plan->sections));

	if (!valid_text(plan, plan->failure_file))
		return "bad reference to the failure file";
	if (!valid_list(plan, plan->on_failure))
		return "bad list of arguments for a failure";
	if (!valid_list(plan, plan->labels) || plan_length(plan->labels) != plan->registers)
		return "bad list of register labels";
	for (uint32_t i = 0; i < plan->operations; i++) {
		const struct record *each = &plan->records[i];
		wrong = check_record(plan, each);
		if (!wrong && each->code == OP_CLONE && i >= plan->sections[SECTION_HOST].count)
			wrong = "only the host section clones";
		if (wrong) {
			*record = i;
			return wrong;
		}
	}
	return NULL;
}
