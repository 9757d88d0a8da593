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
 *               1, 2, 4-6 -                            who implements it: not registered, and zeros
 *               3         extension                    1 when it is there, else 0
 *   TIME        0         absolute time (ns)           -    sets the hart's timer; UINT64_MAX: never
 *   IPI         0         mask, base                   -    a software interrupt for hart base + i
 *                                                      for each bit i of the mask; base -1: for all
 *   RFENCE      0, 1, 2   mask, base, ...              -    nothing is left to be done
 *   HSM         0 start   hart, address, opaque        -    with a0 = hart, a1 = opaque
 *               1 stop    -                            does not return; the last hart cannot
 *               2 status  hart                         0 started, 1 stopped, 4 suspended
 *               3 suspend type, address, opaque        -    0: as wfi; 0x80000000: goes on as started
 *   SRST        0         type, reason                 -    ends the guest; reason 0: status 0, 1: 1
 *   DBCN        0         bytes, address, 0            bytes written to the console
 *               1         bytes, address, 0            0: there is nothing to read
 *               2         byte                         -
 *   ARGUMENTS   0         address, capacity            bytes of the argument block (all, even where
 *                                                      capacity is less); arguments end with a NUL each
 *               1         -                            bytes of memory
 *               2 host    address, capacity            bytes of the name of the host where the guest
 *                                                      is just now (all, even where capacity is less)
 *   MAILBOX     0 listen  port                         -
 *               1 accept  -                            stream number, or HYPERCALL_WOULD_BLOCK
 *               2 receive stream, address, capacity    bytes; 0: the peer has closed; or WOULD_BLOCK
 *               3 send    stream, address, bytes       bytes taken, at most the room there is; or WOULD_BLOCK
 *               4 close   stream                       -
 *               5 poll    address, capacity            how many streams want attention; their numbers are
 *                                                      written as 32-bit words, at most `capacity` of them;
 *                                                      the word MAILBOX_CALLER stands for a new connection
 *
 *   CACHE       0 flush   -                            -    what all harts stored is in memory
 *               1 flush   address, bytes               -    what they stored to these bytes
 *   DISK        0 write   block, address               number of the request, from 1; or WOULD_BLOCK
 *               1 read    block, address               the same; memory is written until it is done
 *               2 poll    -                            number of the last request that is done
 *               3 blocks  -                            how many there are, of DISK_BLOCK_BYTES each
 *   PAGES       0 give    address, bytes               bytes dealt with: whole pages within these are
 *                                                      zeros from now on; what is left, by another call
 *
 * CACHE is there with a cache and without (then there is nothing to be done); Zicbom's cbo.clean,
 * cbo.flush and cbo.inval act on single lines of 64 bytes. A device, such as the disk, reads and
 * writes memory beneath the cache: what a guest stored is there once its lines are written back, and
 * what the device wrote is seen where no line hides it. A line may be written back, and leave, at any
 * time: by an eviction, or because the guest is moved.
 *
 * The host's name is the host's, not the guest's: it does not move, and the answer may be another with
 * each call. It is for people. 0 bytes: nobody has given the host a name.
 *
 * Disk requests are served one after the other, while the guest goes on. The address is a multiple
 * of DISK_BLOCK_BYTES; that memory belongs to the disk until the request is done. Nothing
 * interrupts a guest when it is: it polls. There is no disk where it has no blocks.
 *
 * `give` says that the guest does not need what is in its pages. They read as zeros, and may be
 * used again without asking; until then a move does not carry them.
 *
 * `poll` reports a stream that has bytes to receive or was closed by its peer; after a send that was
 * cut short it reports that stream when there is room to send again, and not before.
 *
 * Guests run in supervisor mode. Hart 0 begins at the image's entry with a0 = 0 and sp at the end of
 * RAM; the others are stopped until they are started. Three interrupts may be pending: software
 * (IPI), timer, and external, as long as a mailbox wants attention. `wfi` sleeps until any of them
 * is, enabled or not: so a guest without a trap handler just sleeps, and looks. A trap goes to
 * stvec; as long as that is 0, it ends the guest.
 *
 * The time CSR counts nanoseconds of guest time.
 */
#ifndef MACHINE_HYPERCALL_H
#define MACHINE_HYPERCALL_H

#define HYPERCALL_BASE      0x10
#define HYPERCALL_TIME      0x54494D45
#define HYPERCALL_SRST      0x53525354
#define HYPERCALL_IPI       0x735049
#define HYPERCALL_RFENCE    0x52464E43
#define HYPERCALL_HSM       0x48534D
#define HYPERCALL_DBCN      0x4442434E
#define HYPERCALL_MAILBOX   0x09000001
#define HYPERCALL_ARGUMENTS 0x09000002
#define HYPERCALL_CACHE     0x09000003
#define HYPERCALL_DISK      0x09000004
#define HYPERCALL_PAGES     0x09000005
#define HYPERCALL_EXIT      93

#define HYPERCALL_FAILED          (-1)
#define HYPERCALL_NOT_SUPPORTED   (-2)
#define HYPERCALL_INVALID_PARAM   (-3)
#define HYPERCALL_INVALID_ADDRESS (-5)
#define HYPERCALL_ALREADY_AVAILABLE (-6)
#define HYPERCALL_WOULD_BLOCK     (-100)

#define HSM_START   0
#define HSM_STOP    1
#define HSM_STATUS  2
#define HSM_SUSPEND 3

#define HSM_STOPPED 1 /* as status tells it */

#define SUSPEND_RETENTIVE     0
#define SUSPEND_NON_RETENTIVE 0x80000000

#define RESET_TYPE_MAX   2 /* 0: shutdown, 1, 2: reboots */
#define RESET_REASON_MAX 1 /* 0: none, 1: a failure */

#define RFENCE_FENCE_I         0
#define RFENCE_SFENCE_VMA      1
#define RFENCE_SFENCE_VMA_ASID 2

#define MAILBOX_LISTEN  0
#define MAILBOX_ACCEPT  1
#define MAILBOX_RECEIVE 2
#define MAILBOX_SEND    3
#define MAILBOX_CLOSE   4
#define MAILBOX_POLL    5

#define MAILBOX_CALLER 0xffffffffu

#define CACHE_FLUSH_ALL   0
#define CACHE_FLUSH_RANGE 1

#define DISK_WRITE  0
#define DISK_READ   1
#define DISK_POLL   2
#define DISK_BLOCKS 3

#define DISK_BLOCK_BYTES 512

#define PAGES_GIVE 0

#define ARGUMENTS_GET    0
#define ARGUMENTS_MEMORY 1
#define ARGUMENTS_HOST   2

#define HOST_NAME_BYTES 64 /* the longest, its NUL counted */

#define RAM_BASE   0x80000000
#define PAGE_BYTES 4096
#define HART_MAX   8

#endif
