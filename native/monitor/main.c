/* corten-monitor: the parent of an engine container (keeper.h), and the client that attaches to one (attach.h). */
#include "attach.h"
#include "keeper.h"
#include "process.h"

#include <errno.h>
#include <string.h>

/* Static: keeper.c's children keep pointing into it. */
static struct options options;
static struct attach_options attach_options;

int main(int argc, char **argv)
{
	struct fault fault;
	if (argc > 1 && strcmp(argv[1], "run") == 0) {
		if (options_read(&options, argv + 2, &fault) == 0)
			return keeper_run(&options);
	} else if (argc > 1 && strcmp(argv[1], "attach") == 0) {
		if (options_read_attach(&attach_options, argv + 2, &fault) == 0)
			return attach_run(&attach_options);
	} else {
		fault_set(&fault, EINVAL, "arguments", argc > 1 ? argv[1] : "none: want run or attach");
	}
	report_fault(&fault);
	return 125;
}
