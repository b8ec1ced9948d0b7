/* libFuzzer's entry to the decoder of plans: no input may make it read outside of the block. */
#include "../init/plan.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	/* A block of exactly that size, aligned as a mapping is, so that the sanitizer sees the first byte too many. */
	void *block = malloc(size);
	memcpy(block, data, size);
	struct plan plan;
	int64_t record;
	const char *wrong = plan_decode(&plan, block, size, &record);
	if (!wrong) {
		/* What has been accepted is readable as the executor reads it. */
		for (uint32_t i = 0; i < plan.operations; i++) {
			const struct operation_shape *shape = operation_shape(plan.records[i].code);
			if (!shape || strlen(plan_text(&plan, plan.records[i].at)) != plan_length(plan.records[i].at))
				abort();
		}
		for (uint32_t i = 0; i < plan.registers; i++)
			(void)strlen(plan_label(&plan, i));
	}
	free(block);
	return 0;
}
