/* gdb_packet: GDB's remote serial protocol as packets in and out of bytes (Debugging with GDB,
 * appendix E.1 "Overview").
 *
 *     $ payload # two hex digits          the digits: the sum of the payload's bytes, modulo 256
 *     + -                                 the last packet was received well, or is wanted again
 *     0x03                                interrupt
 *
 * In a payload } stands before a byte that is a sign of the protocol itself: the byte is sent with
 * its bit 0x20 turned over. Each packet is answered by + or - until both sides agree to do
 * without.
 *
 * The bytes come from a stranger: what is no packet is passed over, one whose sum is wrong or that
 * is longer than GDB_PACKET_MAX is answered with -, and never more than that is kept. A packet that
 * is too long is passed over to its end, or to where the next one begins.
 */
#ifndef MACHINE_GDB_PACKET_H
#define MACHINE_GDB_PACKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"

/* Bytes of a payload: a g packet has 528, a write of memory what is left. */
#define GDB_PACKET_MAX 4096
#define GDB_INPUT_MAX  (2 * GDB_PACKET_MAX)

enum gdb_input {
    GDB_INPUT_NONE, /* not enough yet */
    GDB_INPUT_PACKET,
    GDB_INPUT_INTERRUPT,
};

struct gdb_packets {
    uint8_t input[GDB_INPUT_MAX];
    size_t input_count;
    struct bytes output; /* to be sent; whoever sends drops it from the front */
    struct bytes last;   /* the last packet, should it be wanted again */
    bool has_no_acks;
    bool is_passing_over; /* what comes belongs to a packet that was too long */

    /* Of GDB_INPUT_PACKET, its escapes undone, a NUL behind it. */
    uint8_t payload[GDB_PACKET_MAX + 1];
    size_t payload_count;
};

void gdb_packets_init(struct gdb_packets *packets);
void gdb_packets_fini(struct gdb_packets *packets);

/* Takes as many of the bytes as there is room for; returns how many. There is room again after
 * gdb_packets_next has said GDB_INPUT_NONE. */
size_t gdb_packets_receive(struct gdb_packets *packets, const uint8_t *bytes, size_t count);
enum gdb_input gdb_packets_next(struct gdb_packets *packets);
/* An interrupt that came while the guest runs; packets behind it wait. */
bool gdb_packets_take_interrupt(struct gdb_packets *packets);

void gdb_packets_put(struct gdb_packets *packets, const void *payload, size_t count);

/* ---- Hexadecimal digits ---- */

int gdb_digit(uint8_t byte);                                        /* its value; -1: it is none */
void gdb_put_hex(struct bytes *to, const void *data, size_t count); /* two digits a byte */

#endif
