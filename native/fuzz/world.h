/* A throw-away mount namespace with a hostile root file system and, beside it, what no operation may touch. */
#ifndef CORTEN_FUZZ_WORLD_H
#define CORTEN_FUZZ_WORLD_H

/* Once: the namespace and the canary. Ends the process where that is not possible. */
void world_start(void);

/* A new root file system in the place of the last one. Returns an O_PATH descriptor of it. */
int world_renew(void);

/* The canary's path, for texts that point there. */
const char *world_canary(void);

/* Aborts when the canary, or the mount table around it, is not as it was. */
void world_check(void);

#endif
