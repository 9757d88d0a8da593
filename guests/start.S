/* Where a guest begins. The machine starts hart 0 at _start with a0 = hart number and all other
 * registers zero; RAM that the image does not fill is zero, so there is no bss to clear. */
#include "machine/hypercall.h"

    .section .text.start, "ax"
    .globl _start
_start:
    bnez a0, park
    la sp, __stack_top
    call runtime_main           /* runtime.c: collects the arguments and calls main */
    li a7, HYPERCALL_EXIT       /* with main's result, which is in a0 already */
    ecall

park:                           /* the other harts have nothing to do */
    wfi
    j park
