/*
 * The start of a program without a C library: the entry point, the guard of the stack protector, and the memory
 * functions.
 */
#include "call.h"
#include "memory.h"

#include <linux/auxvec.h>
#include <stdint.h>

int main(int argc, char **argv, char **envp);
void start(long *stack);
void __stack_chk_fail(void);

uintptr_t __stack_chk_guard;

#if defined(__x86_64__)
__asm__(".text\n"
        ".globl _start\n"
        ".type _start,@function\n"
        "_start:\n"
        "\txor %ebp, %ebp\n"
        "\tmov %rsp, %rdi\n"
        "\tand $-16, %rsp\n"
        "\tcall start\n"
        "\thlt\n");
#elif defined(__aarch64__)
__asm__(".text\n"
        ".globl _start\n"
        ".type _start,%function\n"
        "_start:\n"
        "\tmov x29, #0\n"
        "\tmov x30, #0\n"
        "\tmov x0, sp\n"
        "\tbl start\n"
        "\tbrk #0\n");
#endif

/* The kernel leaves on the stack: argc, argv, NULL, envp, NULL, pairs of the auxiliary vector. */
__attribute__((noreturn, used, no_stack_protector)) void start(long *stack)
{
	int argc = (int)stack[0];
	char **argv = (char **)(stack + 1);
	char **envp = argv + argc + 1;
	char **end = envp;
	while (*end)
		end++;
	for (unsigned long *pair = (unsigned long *)(end + 1); pair[0] != AT_NULL; pair += 2) {
		if (pair[0] == AT_RANDOM) {
			const unsigned char *random = (const unsigned char *)pair[1];
			/* Its lowest byte stays NUL, which stops string functions. */
			for (size_t i = 1; i < sizeof(__stack_chk_guard); i++)
				__stack_chk_guard |= (uintptr_t)random[i] << (8 * i);
		}
	}
	int status = main(argc, argv, envp);
	for (;;)
		call1(__NR_exit_group, status);
}

__attribute__((noreturn)) void __stack_chk_fail(void)
{
	for (;;)
		__builtin_trap();
}

void *memcpy(void *restrict to, const void *restrict from, size_t length)
{
	unsigned char *target = to;
	const unsigned char *source = from;
	while (length--)
		*target++ = *source++;
	return to;
}

void *memmove(void *to, const void *from, size_t length)
{
	unsigned char *target = to;
	const unsigned char *source = from;
	if (target < source) {
		while (length--)
			*target++ = *source++;
	} else {
		while (length--)
			target[length] = source[length];
	}
	return to;
}

void *memset(void *to, int byte, size_t length)
{
	unsigned char *target = to;
	while (length--)
		*target++ = (unsigned char)byte;
	return to;
}

int memcmp(const void *left, const void *right, size_t length)
{
	const unsigned char *a = left;
	const unsigned char *b = right;
	for (; length--; a++, b++) {
		if (*a != *b)
			return *a < *b ? -1 : 1;
	}
	return 0;
}

void *memchr(const void *bytes, int byte, size_t length)
{
	const unsigned char *at = bytes;
	for (; length--; at++) {
		if (*at == (unsigned char)byte)
			return (void *)(uintptr_t)at;
	}
	return NULL;
}
