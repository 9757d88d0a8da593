/* threads_trap: from user mode into the kernel and back, and a test of that way.
 *
 *      user mode   | running | <- interrupt or ecall        sret -> | running |
 *                            v                              ^
 *      kernel                trap_entry -> trap (C) ... resume
 *
 * While a thread runs, sscratch holds the address of its frame; in the kernel it holds 0. The kernel
 * itself takes no interrupts, so a trap that finds 0 there is its own fault. */
#include "threads.h"

    .macro each_register_but_a0 do
    .irp number, 1,2,3,4,5,6,7,8,9,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31
    \do x\number, 8*\number(a0)
    .endr
    .endm

    .text
    .globl trap_entry
    .balign 4                   /* stvec's two lowest bits mean something else */
trap_entry:
    csrrw a0, sscratch, a0
    beqz a0, kernel_trap
    each_register_but_a0 sd
    csrr t0, sepc
    sd t0, FRAME_PC(a0)
    csrrw t0, sscratch, zero    /* what a0 was */
    sd t0, 8*10(a0)
    ld sp, FRAME_KERNEL_STACK(a0)
    ld tp, FRAME_HART(a0)
    call trap                   /* a0: the frame. It does not come back; resume does */

    .globl resume
resume:                         /* a0: the frame of the thread to go on with */
    csrw sscratch, a0
    ld t0, FRAME_PC(a0)
    csrw sepc, t0
    /* What another thread has reserved on this hart is not this thread's: its sc must fail. An sc
     * ends a reservation; one that succeeds stores what stands there already. */
    addi t1, a0, FRAME_PC
    sc.d zero, t0, (t1)
    each_register_but_a0 ld
    ld a0, 8*10(a0)
    sret

/* In user mode: fills registers with numbers made of a0, goes round a1 times, and looks whether they
 * are all still there. Returns 0, or the mask of those that are not. Whoever forgets to save or to
 * restore one on the way above is found out, if an interrupt comes meanwhile. Two count: a1 down, x31
 * up; the stack keeps what must be given back, and the number of rounds. */
    .macro each_held do
    .irp number, 1,3,4,5,6,7,8,9,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30
    \do \number
    .endr
    .endm
    .macro keep number
    sd x\number, 8*\number(sp)
    .endm
    .macro fill number
    slli x\number, a0, 8
    addi x\number, x\number, \number
    .endm
    .macro compare number
    slli x31, a0, 8
    addi x31, x31, \number
    sub x31, x31, x\number
    snez x31, x31
    slli x31, x31, \number
    or a1, a1, x31
    .endm
    .macro give_back number
    ld x\number, 8*\number(sp)
    .endm

    .globl hold_registers
hold_registers:
    addi sp, sp, -256
    each_held keep
    sd a1, 0(sp)
    li x31, 0
    each_held fill
1:  addi a1, a1, -1
    addi x31, x31, 1
    bnez a1, 1b
    ld a1, 0(sp)
    sub x31, x31, a1            /* 0, and a1 is the mask from here on */
    snez a1, x31
    each_held compare
    each_held give_back
    addi sp, sp, 256
    mv a0, a1
    ret
