/*
 * The system call instruction. corten-init is built without a C library: it stays below 100 KB, which is what
 * sealing copies for each container, and each call's errno comes back in its own result (-4095…-1), so that no
 * failure can be overwritten by the next call.
 */
#ifndef CORTEN_CALL_H
#define CORTEN_CALL_H

#include <asm/unistd.h>

#ifndef __NR_fchmodat2
#define __NR_fchmodat2 452
#endif

#if defined(__x86_64__)

static inline long call6(long number, long a, long b, long c, long d, long e, long f)
{
	long result;
	register long r10 __asm__("r10") = d;
	register long r8 __asm__("r8") = e;
	register long r9 __asm__("r9") = f;
	__asm__ volatile("syscall"
	                 : "=a"(result)
	                 : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
	                 : "rcx", "r11", "memory");
	return result;
}

#elif defined(__aarch64__)

static inline long call6(long number, long a, long b, long c, long d, long e, long f)
{
	register long x8 __asm__("x8") = number;
	register long x0 __asm__("x0") = a;
	register long x1 __asm__("x1") = b;
	register long x2 __asm__("x2") = c;
	register long x3 __asm__("x3") = d;
	register long x4 __asm__("x4") = e;
	register long x5 __asm__("x5") = f;
	__asm__ volatile("svc 0"
	                 : "+r"(x0)
	                 : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5)
	                 : "memory");
	return x0;
}

#else
#error "corten-init knows the system calls of x86-64 and aarch64"
#endif

#define call0(number) call6(number, 0, 0, 0, 0, 0, 0)
#define call1(number, a) call6(number, (long)(a), 0, 0, 0, 0, 0)
#define call2(number, a, b) call6(number, (long)(a), (long)(b), 0, 0, 0, 0)
#define call3(number, a, b, c) call6(number, (long)(a), (long)(b), (long)(c), 0, 0, 0)
#define call4(number, a, b, c, d) call6(number, (long)(a), (long)(b), (long)(c), (long)(d), 0, 0)
#define call5(number, a, b, c, d, e) call6(number, (long)(a), (long)(b), (long)(c), (long)(d), (long)(e), 0)

#endif
