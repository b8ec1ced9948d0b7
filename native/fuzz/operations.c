/*
 * libFuzzer's entry to the operations on paths: whatever valid plan they come in, and whatever the root file system
 * is like, nothing outside of the root changes. Each input is a list of operations on a fresh hostile root.
 */
#include "../init/execution.h"
#include "../init/operations.h"
#include "../common/memory.h"
#include "world.h"

int LLVMFuzzerInitialize(int *count, char ***words);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define REGISTERS 8
#define POOL 16384
#define MOST 24

enum { ROOT, DIRECTORY, NULL_DEVICE, COVER, FIRST_FREE };

static struct execution execution;
static _Alignas(8) char pool[POOL];
static struct format texts;

struct input {
	const uint8_t *bytes;
	size_t left;
};

static unsigned take(struct input *input)
{
	if (input->left == 0)
		return 0;
	input->left--;
	return *input->bytes++;
}

/* The first words are names of world.c, the next ones come into being, the last ones are no names at all. */
static const char *const WORDS[] = {
	"dir", "deep", "file", "abs",      "up",   "loop", "dangling", "inner", "magic", "secret", "made", "back",
	"fifo", "null", "zero", "hard",    "empty", "new",  "other",    "a",     ".",     "..",     "",     "canary",
};

static uint64_t reference(size_t start)
{
	uint64_t length = texts.length - start;
	format_bytes(&texts, "", 1);
	return length << 32 | start;
}

static uint64_t take_path(struct input *input)
{
	size_t start = texts.length;
	unsigned parts = 1 + take(input) % 5;
	for (unsigned i = 0; i < parts; i++) {
		if (i > 0)
			format_text(&texts, "/");
		unsigned word = take(input);
		if (word == 255)
			format_text(&texts, world_canary());
		else
			format_text(&texts, WORDS[word % (sizeof(WORDS) / sizeof(*WORDS))]);
	}
	return reference(start);
}

static uint64_t take_register(struct input *input)
{
	return take(input) % REGISTERS;
}

static uint64_t small(int64_t value)
{
	return (uint64_t)value;
}

/* Its fields in the order of operation.ts. Returns false for a number that stands for no operation. */
static bool take_operation(struct input *input, struct record *record)
{
	uint64_t *field = record->field;
	unsigned kind = take(input) % 14;
	uint64_t one = take_register(input);
	uint64_t path = take_path(input);
	unsigned choice = take(input);
	switch (kind) {
	case 0:
	case 1:
		record->code = OP_RESOLVE;
		field[RESOLVE_OUT] = FIRST_FREE + choice % (REGISTERS - FIRST_FREE);
		field[RESOLVE_ROOT] = one;
		field[RESOLVE_PATH] = path;
		field[RESOLVE_CREATE] = take(input) % 3;
		field[RESOLVE_MODE] = 0755;
		field[RESOLVE_DIRECTORY] = take(input) % 7;
		return true;
	case 2:
		record->code = OP_MAKE_DIRECTORY;
		field[MAKE_DIRECTORY_DIR] = one;
		field[MAKE_DIRECTORY_PATH] = path;
		field[MAKE_DIRECTORY_MODE] = 0700;
		return true;
	case 3:
		record->code = OP_WRITE;
		field[WRITE_DIR] = one;
		field[WRITE_PATH] = path;
		field[WRITE_DATA] = take_path(input);
		/* Without O_NONBLOCK a FIFO would wait for its reader. */
		field[WRITE_FLAGS] = small(O_WRONLY | O_NONBLOCK | (choice & 1 ? O_CREAT : 0) | (choice & 2 ? O_TRUNC : 0));
		field[WRITE_IGNORE] = 0;
		return true;
	case 4:
		record->code = OP_MAKE_NODE;
		field[MAKE_NODE_DIR] = one;
		field[MAKE_NODE_PATH] = path;
		field[MAKE_NODE_MODE] = choice & 1 ? S_IFCHR | 0600 : S_IFIFO | 0600;
		field[MAKE_NODE_MAJOR] = 1;
		field[MAKE_NODE_MINOR] = 3;
		field[MAKE_NODE_UID] = small(choice & 2 ? 1000 : -1);
		field[MAKE_NODE_GID] = small(-1);
		return true;
	case 5:
		record->code = OP_MAKE_SYMLINK;
		field[MAKE_SYMLINK_DIR] = one;
		field[MAKE_SYMLINK_PATH] = path;
		field[MAKE_SYMLINK_TARGET] = take_path(input);
		field[MAKE_SYMLINK_REPLACE] = choice & 1;
		return true;
	case 6:
		record->code = OP_SET_OWNER;
		field[SET_OWNER_FD] = FIRST_FREE + one % (REGISTERS - FIRST_FREE);
		field[SET_OWNER_UID] = small(choice & 1 ? 1000 : -1);
		field[SET_OWNER_GID] = small(-1);
		field[SET_OWNER_MODE] = small(choice & 2 ? 0700 : -1);
		return true;
	case 7:
		record->code = OP_MAKE_FIFO;
		field[MAKE_FIFO_DIR] = one;
		field[MAKE_FIFO_PATH] = path;
		field[MAKE_FIFO_MODE] = 0622;
		field[MAKE_FIFO_UID] = field[MAKE_FIFO_GID] = small(choice & 1 ? 1000 : -1);
		return true;
	case 8:
		record->code = OP_REMOVE;
		field[REMOVE_DIR] = one;
		field[REMOVE_PATH] = path;
		return true;
	case 9:
		record->code = OP_REMOVE_TREE;
		field[REMOVE_TREE_DIR] = one;
		field[REMOVE_TREE_PATH] = path;
		return true;
	case 10:
		record->code = OP_COPY_TREE;
		field[COPY_TREE_FROM] = one;
		field[COPY_TREE_TO] = take_register(input);
		field[COPY_TREE_OWNER] = choice & 1;
		return true;
	case 11:
		record->code = OP_MASK;
		field[MASK_ROOT] = one;
		field[MASK_PATH] = path;
		field[MASK_FILE] = NULL_DEVICE;
		field[MASK_DIRECTORY] = COVER;
		return true;
	case 12:
		record->code = OP_PROTECT;
		field[PROTECT_ROOT] = one;
		field[PROTECT_PATH] = path;
		return true;
	default:
		record->code = OP_COPY_MODE;
		field[COPY_MODE_FROM] = one;
		field[COPY_MODE_TO] = FIRST_FREE + choice % (REGISTERS - FIRST_FREE);
		return true;
	}
}

/* The registers that a plan has by itself. What a later operation resolves comes into the free ones. */
static void fill_registers(struct execution *x)
{
	x->registers[ROOT] = world_renew();
	x->registers[DIRECTORY] = k_openat(x->registers[ROOT], "dir", O_PATH | O_DIRECTORY, 0);
	x->registers[NULL_DEVICE] = k_openat(AT_FDCWD, "/dev/null", O_PATH | O_NOFOLLOW, 0);
	x->registers[COVER] = k_open_tree(x->registers[ROOT], "empty", OPEN_TREE_CLONE);
}

int LLVMFuzzerInitialize(int *count, char ***words)
{
	(void)count;
	(void)words;
	world_start();
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct execution *x = &execution;
	struct input input = { data, size };
	struct record records[MOST];
	memset(records, 0, sizeof(records));
	x->channel = x->signals = x->own_descriptors = x->attached_cover = -1;
	x->child.pidfd = -1;
	x->first_own = 3;
	for (unsigned i = 0; i < PLAN_MAX_REGISTERS; i++)
		x->registers[i] = -1;
	texts = format_start(pool, sizeof(pool));
	/* Labels: a list of eight times the same text. */
	uint64_t labels[REGISTERS];
	for (unsigned i = 0; i < REGISTERS; i++)
		labels[i] = (uint64_t)1 << 32 | sizeof(labels);
	format_bytes(&texts, (const char *)labels, sizeof(labels));
	format_bytes(&texts, "r", 2);

	unsigned made = 0;
	while (made < MOST && input.left > 0 && take_operation(&input, &records[made]))
		made++;
	x->plan = (struct plan){ .records = records, .pool = pool, .pool_length = POOL, .registers = REGISTERS };
	x->plan.labels = (uint64_t)REGISTERS << 32;
	x->plan.operations = made;
	fill_registers(x);
	for (unsigned i = 0; i < made; i++) {
		/* One after the other: a plan would end with the first failure. */
		x->plan.sections[SECTION_HOST].first = i;
		x->plan.sections[SECTION_HOST].count = 1;
		(void)run_section(x, SECTION_HOST);
	}
	for (unsigned i = 0; i < REGISTERS; i++)
		clear_register(x, i);
	world_check();
	return 0;
}
