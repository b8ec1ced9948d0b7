#include "line.h"

#include "../common/format.h"
#include "../common/kernel.h"
#include "../common/memory.h"

#define MAX_ID 240

enum option_kind {
	/* Part of the key. */
	FLAG,
	VALUE,
	/* Left out of the key: it differs from one container to the next, and the plan takes it as a parameter. */
	PID_FILE,
	/* Its contents are part of the key, not its name: callers write each exec's to a new file. */
	PROCESS_FILE,
	ROOT,
};

enum command {
	GLOBAL = 1,
	CREATE = 2,
	RUN = 4,
	EXEC = 8,
	START = 16,
};

static const struct option {
	const char *name;
	char letter;
	enum option_kind kind;
	unsigned commands;
} options[] = {
	{ "root", 0, ROOT, GLOBAL },
	{ "log", 0, VALUE, GLOBAL },
	{ "log-format", 0, VALUE, GLOBAL },
	{ "bundle", 'b', VALUE, CREATE | RUN },
	{ "pid-file", 0, PID_FILE, CREATE | RUN | EXEC },
	{ "no-pivot", 0, FLAG, CREATE | RUN },
	{ "no-new-keyring", 0, FLAG, CREATE | RUN },
	{ "detach", 'd', FLAG, RUN | EXEC },
	{ "keep", 0, FLAG, RUN },
	{ "no-subreaper", 0, FLAG, RUN },
	{ "process", 'p', PROCESS_FILE, EXEC },
	{ "cwd", 0, VALUE, EXEC },
	{ "env", 'e', VALUE, EXEC },
	{ "user", 'u', VALUE, EXEC },
	{ "additional-gids", 'g', VALUE, EXEC },
	{ "cap", 'c', VALUE, EXEC },
	{ "no-new-privs", 0, FLAG, EXEC },
	{ "ignore-paused", 0, FLAG, EXEC },
};

static bool add_bytes(struct line *line, const char *bytes, size_t length)
{
	/* A word and its NUL: no two lists of words give one key. */
	if (length >= KEY_SIZE - line->key_length)
		return false;
	memcpy(line->key + line->key_length, bytes, length);
	line->key[line->key_length + length] = '\0';
	line->key_length += length + 1;
	return true;
}

static bool add_word(struct line *line, const char *word)
{
	return add_bytes(line, word, text_length(word));
}

static bool add_file(struct line *line, const char *path)
{
	/* A pipe can be read once, and that is JavaScript's to do. */
	struct statx status;
	if (k_statx(AT_FDCWD, path, 0, STATX_TYPE, &status) < 0 || !S_ISREG(status.stx_mode))
		return false;
	int fd = k_openat(AT_FDCWD, path, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0);
	if (fd < 0)
		return false;
	size_t room = KEY_SIZE - line->key_length;
	long length = k_read(fd, line->key + line->key_length, room);
	k_close(fd);
	if (length <= 0 || (size_t)length >= room)
		return false;
	line->key[line->key_length + (size_t)length] = '\0';
	line->key_length += (size_t)length + 1;
	return true;
}

static bool valid_id(const char *id)
{
	size_t length = text_length(id);
	if (length == 0 || length > MAX_ID || id[0] == '.')
		return false;
	for (; *id; id++) {
		bool plain = (*id >= 'a' && *id <= 'z') || (*id >= 'A' && *id <= 'Z') || (*id >= '0' && *id <= '9');
		if (!plain && !text_find("_+.-", *id))
			return false;
	}
	return true;
}

/* The option that `word` names; `value` points behind its "=", or is NULL. */
static const struct option *find_option(const char *word, unsigned command, const char **value)
{
	*value = NULL;
	for (unsigned i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
		const struct option *option = &options[i];
		if (!(option->commands & command))
			continue;
		if (option->letter && word[1] == option->letter && word[2] == '\0')
			return option;
		if (word[1] != '-' || !text_starts(word + 2, option->name))
			continue;
		const char *end = word + 2 + text_length(option->name);
		if (*end == '\0')
			return option;
		if (*end == '=' && option->kind != FLAG) {
			*value = end + 1;
			return option;
		}
	}
	return NULL;
}

/* Reads the option at argv[*at] and moves on to the next word. */
static bool take_option(struct line *line, unsigned command, char *const *argv, int *at)
{
	const char *value;
	const struct option *option = find_option(argv[*at], command, &value);
	if (!option)
		return false;
	++*at;
	if (option->kind == FLAG)
		return add_word(line, option->name);
	if (!value) {
		value = argv[*at];
		if (!value)
			return false;
		++*at;
	}
	switch (option->kind) {
	case PID_FILE:
		if (line->pid_file || value[0] != '/')
			return false;
		line->pid_file = value;
		return add_word(line, option->name);
	case PROCESS_FILE:
		return add_word(line, option->name) && add_file(line, value);
	case ROOT:
		line->root = value;
		break;
	default:
		break;
	}
	return add_word(line, option->name) && add_word(line, value);
}

static unsigned read_command(const char *word)
{
	if (text_equal(word, "run"))
		return RUN;
	if (text_equal(word, "create"))
		return CREATE;
	if (text_equal(word, "start"))
		return START;
	return text_equal(word, "exec") ? EXEC : 0;
}

/* Relative paths count from the working directory. */
static bool add_working_directory(struct line *line)
{
	char path[4096];
	long length = k_getcwd(path, sizeof(path));
	return length > 0 && path[0] == '/' && add_word(line, path);
}

static bool read_arguments(struct line *line, unsigned command, char *const *argv, int at)
{
	while (argv[at]) {
		if (argv[at][0] == '-' && !take_option(line, command, argv, &at))
			return false;
		if (!argv[at] || argv[at][0] == '-')
			continue;
		if (line->id || !valid_id(argv[at]))
			return false;
		line->id = argv[at++];
		if (command == EXEC)
			break;
	}
	if (!line->id)
		return false;
	if (command != EXEC)
		return true;
	/* Behind the ID stands the command to run, whatever it looks like; with --process there is none. */
	if (!add_word(line, line->id))
		return false;
	line->id = NULL;
	for (; argv[at]; at++) {
		if (!add_word(line, argv[at]))
			return false;
	}
	return true;
}

bool read_line(struct line *line, char *key, int argc, char *const *argv)
{
	*line = (struct line){ .root = "/run/corten/oci", .key = key };
	int at = 1;
	if (argc < 3 || !add_working_directory(line))
		return false;
	while (argv[at] && argv[at][0] == '-') {
		if (!take_option(line, GLOBAL, argv, &at))
			return false;
	}
	unsigned command = argv[at] ? read_command(argv[at]) : 0;
	line->command = at;
	line->starts = command == START;
	return command && add_word(line, argv[at]) && read_arguments(line, command, argv, at + 1);
}
