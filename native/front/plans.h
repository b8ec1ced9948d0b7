/*
 * The directory of known plans below a state root: `.plans`, of a fixed number of files. A start's key decides which
 * file is its own. A start that comes for the first time leaves its key there; one that comes for the second time has
 * JavaScript store its plan; later ones replay it. So starts that never come again cost one small file at most.
 */
#ifndef CORTEN_FRONT_PLANS_H
#define CORTEN_FRONT_PLANS_H

#include "line.h"
#include "template.h"

/* The name of a slot in `.plans`, with its NUL. */
#define SLOT_SIZE 8

enum known {
	/* There is no safe directory for plans. */
	KNOWN_NOWHERE,
	/* The key was not there; now it is. */
	KNOWN_NEW,
	/* The key is there, its plan is not. */
	KNOWN_KEY,
	KNOWN_PLAN,
};

struct plans {
	/* The state root and its `.plans`; -1: not open. */
	int root;
	int directory;
	char slot[SLOT_SIZE];
};

/* Looks the key up. `bytes` has room for PLAN_MAX_SIZE bytes; the template lies in it. */
enum known look_up(struct plans *plans, const struct line *line, char *bytes, struct template *out);

/* Leaves nothing but the key in the slot. */
void forget_plan(const struct plans *plans, const struct line *line);

#endif
