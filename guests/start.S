/* Where a guest begins. The machine starts hart 0 at _start, in supervisor mode, with a0 = hart
 * number, sp = the end of RAM and all other registers zero; RAM that the image does not fill is
 * zero, so there is no bss to clear. The other harts are stopped until harts.h starts them. tp is
 * the number of the hart. */
#include "machine/hypercall.h"

    .section .text.start, "ax"
    .globl _start
_start:
    mv tp, a0
    la sp, __stack_top
    call runtime_main           /* runtime.c: collects the arguments and calls main */
    li a7, HYPERCALL_EXIT       /* with main's result, which is in a0 already */
    ecall

    /* Another hart, with a1 = struct hart_work of harts.h: its stack, a function, which gets it. */
    .globl start_hart
start_hart:
    mv tp, a0
    ld sp, 0(a1)
    ld t0, 8(a1)
    mv a0, a1
    jalr t0
1:  li a7, HYPERCALL_HSM        /* the function is done: this hart may stop */
    li a6, HSM_STOP
    ecall
    j 1b                        /* it was the last one that ran: there is nothing to wait for */
