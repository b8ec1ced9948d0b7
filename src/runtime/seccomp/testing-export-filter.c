/*
 * What libseccomp makes of a profile, for the tests to compare ours with.
 *
 *     export-filter < PROFILE > PROGRAM        lines: default ACTION; arch NAME; rule ACTION NAME [INDEX OP VALUE VALUE2]...
 *     export-filter names ARCH                 prints "NUMBER NAME" of every call that libseccomp knows
 *
 * Actions are numbers of seccomp(2), operators those of enum scmp_compare, architectures libseccomp's names.
 */
#include <errno.h>
#include <seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int print_names(const char *arch)
{
	uint32_t token = seccomp_arch_resolve_name(arch);
	unsigned base = token == SCMP_ARCH_X32 ? 0x40000000 : 0;
	for (unsigned number = 0; number < 0xf0010; number++) {
		if (number == 1000)
			number = 0xf0000;
		char *name = seccomp_syscall_resolve_num_arch(token, (int)(base + number));
		if (name)
			printf("%u %s\n", number, name);
		free(name);
	}
	return 0;
}

static int add_rule(scmp_filter_ctx filter, char *rest)
{
	struct scmp_arg_cmp args[6];
	unsigned count = 0;
	char *save;
	uint32_t action = (uint32_t)strtoul(strtok_r(rest, " \n", &save), NULL, 10);
	int call = seccomp_syscall_resolve_name(strtok_r(NULL, " \n", &save));
	for (char *word; count < 6 && (word = strtok_r(NULL, " \n", &save)); count++) {
		args[count].arg = (unsigned)strtoul(word, NULL, 10);
		args[count].op = (enum scmp_compare)strtoul(strtok_r(NULL, " \n", &save), NULL, 10);
		args[count].datum_a = strtoull(strtok_r(NULL, " \n", &save), NULL, 10);
		args[count].datum_b = strtoull(strtok_r(NULL, " \n", &save), NULL, 10);
	}
	/* A name that it does not know is left out, as runtimes do. */
	return call == __NR_SCMP_ERROR ? 0 : seccomp_rule_add_array(filter, action, call, count, args);
}

int main(int argc, char **argv)
{
	if (argc == 3 && strcmp(argv[1], "names") == 0)
		return print_names(argv[2]);
	char line[4096];
	scmp_filter_ctx filter = NULL;
	while (fgets(line, sizeof(line), stdin)) {
		int error = 0;
		if (strncmp(line, "default ", 8) == 0) {
			filter = seccomp_init((uint32_t)strtoul(line + 8, NULL, 10));
			error = filter ? seccomp_arch_remove(filter, SCMP_ARCH_NATIVE) : -ENOMEM;
		} else if (strncmp(line, "arch ", 5) == 0) {
			line[strcspn(line, "\n")] = '\0';
			error = seccomp_arch_add(filter, seccomp_arch_resolve_name(line + 5));
		} else if (strncmp(line, "rule ", 5) == 0) {
			char copy[4096];
			memcpy(copy, line, sizeof(copy));
			error = add_rule(filter, line + 5);
			if (error)
				fputs(copy, stderr);
		}
		if (error) {
			fprintf(stderr, "%s\n", strerror(-error));
			return 1;
		}
	}
	return seccomp_export_bpf(filter, 1) ? 1 : 0;
}
