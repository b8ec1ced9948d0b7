#include "template.h"

#include "../common/memory.h"

_Static_assert(sizeof(struct template_header) == TEMPLATE_HEADER_SIZE, "header");
_Static_assert(sizeof(struct condition) == TEMPLATE_CONDITION_SIZE, "condition");

static bool inside(struct reference what, size_t element, size_t length)
{
	return what.offset <= length && (uint64_t)what.length * element <= length - what.offset;
}

/* Text is followed by a NUL. */
static bool is_text(const struct template *template, struct reference text)
{
	return inside(text, 1, template->header->length - 1) && template->bytes[text.offset + text.length] == '\0';
}

static bool valid_tables(const struct template *template)
{
	const struct template_header *header = template->header;
	const struct condition *conditions = (const void *)(template->bytes + header->conditions.offset);
	const struct reference *texts = (const void *)(template->bytes + header->texts.offset);
	const struct patch *patches = (const void *)(template->bytes + header->patches.offset);
	for (uint32_t i = 0; i < header->conditions.length; i++) {
		if (!is_text(template, conditions[i].path) || !is_text(template, conditions[i].data))
			return false;
	}
	for (uint32_t i = 0; i < header->texts.length; i++) {
		if (!is_text(template, texts[i]))
			return false;
	}
	for (uint32_t i = 0; i < header->patches.length; i++) {
		if (patches[i].text >= header->texts.length || patches[i].position % 4 != 0 ||
		    !inside((struct reference){ patches[i].position, 1 }, sizeof(struct reference), header->plan.length))
			return false;
	}
	return header->plan_file < header->texts.length &&
	       (header->record == TEMPLATE_ABSENT || header->record < header->texts.length);
}

bool open_template(struct template *out, const char *bytes, size_t length)
{
	const struct template_header *header = (const void *)bytes;
	if (length < sizeof(*header) || memcmp(header->magic, TEMPLATE_MAGIC, sizeof(header->magic)) != 0)
		return false;
	if (header->version != TEMPLATE_VERSION || header->length != length)
		return false;
	const struct reference tables[] = { header->conditions, header->texts, header->patches, header->plan };
	const size_t sizes[] = { sizeof(struct condition), sizeof(struct reference), sizeof(struct patch), 1 };
	for (unsigned i = 0; i < 4; i++) {
		if (tables[i].offset % 8 != 0 || !inside(tables[i], sizes[i], length))
			return false;
	}
	*out = (struct template){ .bytes = bytes, .header = header };
	return inside(header->key, 1, length) && header->plan.length >= PLAN_HEADER_SIZE && valid_tables(out);
}

/* A gap is one byte, the parameter's number; such a byte occurs in no text by itself. */
long fill_text(const struct template *template, uint32_t index, const struct parameters *with, char *out, size_t size)
{
	const struct reference *texts = (const void *)(template->bytes + template->header->texts.offset);
	const char *from = template->bytes + texts[index].offset;
	size_t length = 0;
	for (uint32_t i = 0; i < texts[index].length; i++) {
		unsigned char byte = (unsigned char)from[i];
		if (byte == 0 || byte > TEMPLATE_PARAMETERS) {
			if (length + 1 >= size)
				return -1;
			out[length++] = (char)byte;
			continue;
		}
		for (const char *value = with->values[byte - 1]; *value; value++) {
			if (length + 1 >= size)
				return -1;
			out[length++] = *value;
		}
	}
	out[length] = '\0';
	return (long)length;
}

#define PLAN_LENGTH_AT 12
#define PLAN_OPERATIONS_AT 16
#define PLAN_POOL_LENGTH_AT 20

static uint32_t *word_at(char *plan, size_t position)
{
	return (uint32_t *)(void *)(plan + position);
}

/* Filled texts are appended to the plan's pool, which is its last part, and references are turned to them. */
long fill_plan(const struct template *template, const struct parameters *with, char *out, size_t size)
{
	const struct template_header *header = template->header;
	size_t length = header->plan.length;
	if (length > size)
		return -1;
	memcpy(out, template->bytes + header->plan.offset, length);
	size_t pool = PLAN_HEADER_SIZE + (size_t)*word_at(out, PLAN_OPERATIONS_AT) * PLAN_RECORD_SIZE;
	if (pool > length)
		return -1;
	const struct patch *patches = (const void *)(template->bytes + header->patches.offset);
	struct reference filled = { 0, 0 };
	for (uint32_t i = 0; i < header->patches.length; i++) {
		/* Patches with one text follow one another. */
		if (i == 0 || patches[i].text != patches[i - 1].text) {
			long written = fill_text(template, patches[i].text, with, out + length, size - length);
			if (written < 0)
				return -1;
			filled = (struct reference){ (uint32_t)(length - pool), (uint32_t)written };
			length += (size_t)written + 1;
		}
		*word_at(out, patches[i].position) = filled.offset;
		*word_at(out, patches[i].position + 4) = filled.length;
	}
	*word_at(out, PLAN_LENGTH_AT) = (uint32_t)length;
	*word_at(out, PLAN_POOL_LENGTH_AT) = (uint32_t)(length - pool);
	return (long)length;
}
