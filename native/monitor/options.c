#include "options.h"

#include "text.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

static int refuse(struct fault *fault, const char *argument)
{
	return fault_set(fault, EINVAL, "arguments", argument);
}

static int add_cgroup(struct options *options, const char *path, struct fault *fault)
{
	if (options->cgroup_count == MAX_CGROUPS)
		return refuse(fault, "--cgroup");
	options->cgroups[options->cgroup_count++] = path;
	return 0;
}

static int add_remove(struct options *options, char *argument, struct fault *fault)
{
	if (options->remove_count == MAX_REMOVE_ARGS)
		return refuse(fault, "--remove");
	options->remove[options->remove_count++] = argument;
	return 0;
}

static int read_value(struct options *options, const char *name, char *value, struct fault *fault)
{
	if (strcmp(name, "--dir") == 0)
		options->directory = value;
	else if (strcmp(name, "--record") == 0)
		options->record = value;
	else if (strcmp(name, "--exit") == 0)
		options->exit_record = value;
	else if (strcmp(name, "--log") == 0)
		options->log = value;
	else if (strcmp(name, "--memory-events") == 0)
		options->memory_events = value;
	else if (strcmp(name, "--cgroup") == 0)
		return add_cgroup(options, value, fault);
	else if (strcmp(name, "--remove") == 0)
		return add_remove(options, value, fault);
	else if (strcmp(name, "--log-max") == 0)
		return text_number(value, &options->log_max) ? 0 : refuse(fault, value);
	else
		return refuse(fault, name);
	return 0;
}

int options_read(struct options *options, char **argv, struct fault *fault)
{
	for (; *argv != NULL && strcmp(*argv, "--") != 0; argv++) {
		if (strcmp(*argv, "--terminal") == 0)
			options->terminal = true;
		else if (strcmp(*argv, "--stdin") == 0)
			options->stdin_open = true;
		else if (strcmp(*argv, "--hold") == 0)
			options->hold = true;
		else if (argv[1] == NULL)
			return refuse(fault, *argv);
		else if (read_value(options, argv[0], argv[1], fault) < 0)
			return -1;
		else
			argv++;
	}
	if (*argv == NULL || argv[1] == NULL)
		return refuse(fault, "-- INIT");
	options->init = argv + 1;
	if (options->directory == NULL)
		return refuse(fault, "--dir");
	if (options->record == NULL)
		return refuse(fault, "--record");
	if (options->exit_record == NULL)
		return refuse(fault, "--exit");
	return 0;
}

int options_read_attach(struct attach_options *options, char **argv, struct fault *fault)
{
	for (; *argv != NULL && strcmp(*argv, "--") != 0; argv++) {
		if (strcmp(*argv, "--stdin") == 0)
			options->stdin_open = true;
		else if (strcmp(*argv, "--terminal") == 0)
			options->terminal = true;
		else if (strcmp(*argv, "--lossless") == 0)
			options->lossless = true;
		else if (strcmp(*argv, "--dir") == 0 && argv[1] != NULL)
			options->directory = *++argv;
		else
			return refuse(fault, *argv);
	}
	if (*argv != NULL && argv[1] != NULL)
		options->on_failure = argv + 1;
	return options->directory != NULL ? 0 : refuse(fault, "--dir");
}
