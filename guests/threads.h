/* threads: what the kernel and its assembly know of a thread, and of each other. It also compiles
 * as assembly. */
#ifndef GUESTS_THREADS_H
#define GUESTS_THREADS_H

/* A thread's frame: where its registers lie while it does not run. Register xN is at 8 N; in the
 * place of x0, which is nothing, stands its pc. Behind them, for the way into the kernel: */
#define FRAME_PC           0
#define FRAME_KERNEL_STACK 256 /* of the hart that runs it */
#define FRAME_HART         264
#define FRAME_BYTES        272

/* System calls: a7 says which, a0 is the argument and the result. */
#define CALL_YIELD 1 /* lets others run */
#define CALL_SLEEP 2 /* for a0 nanoseconds */
#define CALL_COUNT 3 /* the kernel counts a0 more */
#define CALL_EXIT  4 /* a0: 0, or what was wrong */

#endif
