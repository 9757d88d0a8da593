/* hypercall: what a guest and its machine say to each other. The machine and the guests' runtime
 * both include this one file; it also compiles as assembly.
 *
 * Calling convention: the RISC-V SBI's (RISC-V Supervisor Binary Interface Specification, chapter
 * "Binary Encoding"). a7 = extension, a6 = function, a0.. = arguments; the call returns an error in
 * a0 (0, or negative) and a value in a1. Extensions that are not there answer HYPERCALL_NOT_SUPPORTED.
 * One addition: `ecall` with a7 = 93 (as Linux's exit) ends the guest with the status in a0.
 *
 *   extension   function  arguments                    value
 *   BASE  0x10  0         -                            specification version
 *               3         extension                    1 when it is there, else 0
 *   TIME        0         absolute time (ns)           -    sets the timer; UINT64_MAX: never
 *   SRST        0         type, reason                 -    ends the guest; reason 0: status 0, else 1
 *   DBCN        0         bytes, address, 0            bytes written to the console
 *               2         byte                         -
 *   ARGUMENTS   0         address, capacity            bytes of the argument block (all, even where
 *                                                      capacity is less); arguments end with a NUL each
 *               1         -                            bytes of memory
 *   MAILBOX     0 listen  port                         -
 *               1 accept  -                            stream number, or HYPERCALL_WOULD_BLOCK
 *               2 receive stream, address, capacity    bytes; 0: the peer has closed; or WOULD_BLOCK
 *               3 send    stream, address, bytes       bytes taken, at most the room there is; or WOULD_BLOCK
 *               4 close   stream                       -
 *               5 poll    address, capacity            how many streams want attention; their numbers are
 *                                                      written as 32-bit words, at most `capacity` of them;
 *                                                      the word MAILBOX_CALLER stands for a new connection
 *
 * `poll` reports a stream that has bytes to receive or was closed by its peer; after a send that was
 * cut short it reports that stream when there is room to send again, and not before. With nothing to
 * do a guest executes `wfi`: it sleeps until the timer is due or a mailbox wants attention.
 *
 * The time CSR counts nanoseconds of guest time; cycle and instret count instructions.
 */
#ifndef MACHINE_HYPERCALL_H
#define MACHINE_HYPERCALL_H

#define HYPERCALL_BASE      0x10
#define HYPERCALL_TIME      0x54494D45
#define HYPERCALL_SRST      0x53525354
#define HYPERCALL_DBCN      0x4442434E
#define HYPERCALL_MAILBOX   0x09000001
#define HYPERCALL_ARGUMENTS 0x09000002
#define HYPERCALL_EXIT      93

#define HYPERCALL_FAILED          (-1)
#define HYPERCALL_NOT_SUPPORTED   (-2)
#define HYPERCALL_INVALID_PARAM   (-3)
#define HYPERCALL_INVALID_ADDRESS (-5)
#define HYPERCALL_WOULD_BLOCK     (-100)

#define MAILBOX_LISTEN  0
#define MAILBOX_ACCEPT  1
#define MAILBOX_RECEIVE 2
#define MAILBOX_SEND    3
#define MAILBOX_CLOSE   4
#define MAILBOX_POLL    5

#define MAILBOX_CALLER 0xffffffffu

#define RAM_BASE   0x80000000
#define PAGE_BYTES 4096

#endif
