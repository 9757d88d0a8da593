/* bench: what the programs that are timed begin and end with. They run on ferry's machine and under
 * qemu-riscv64 alike, so they ask for nothing but their end: `ecall` with a7 = 93, which both know.
 * The stack is their own, because the machine gives none. The status is 0 when the result is the
 * one that was expected: what is timed was done. */
#ifndef BENCH_BENCH_H
#define BENCH_BENCH_H

#include <stddef.h>
#include <stdint.h>

#define BENCH_STACK_BYTES 65536

int bench_main(void);

__attribute__((naked, noreturn, section(".text.start"))) void _start(void)
{
    __asm__(".option push\n.option norelax\nla sp, bench_stack_end\n.option pop\n"
            "call bench_main\n"
            "li a7, 93\n"
            "ecall\n"
            ".pushsection .bss\n.balign 16\n"
            ".skip 65536\nbench_stack_end:\n.popsection\n");
}

#endif
