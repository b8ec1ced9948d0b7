/*
 * The functions of <string.h> that compilers call on their own, and memchr. That header itself is not used: the C
 * library's and the kernel's headers define many things twice.
 */
#ifndef CORTEN_MEMORY_H
#define CORTEN_MEMORY_H

#include <stddef.h>

void *memcpy(void *restrict to, const void *restrict from, size_t length);
void *memmove(void *to, const void *from, size_t length);
void *memset(void *to, int byte, size_t length);
int memcmp(const void *left, const void *right, size_t length);
void *memchr(const void *bytes, int byte, size_t length);

#endif
