/* witness: the oracle's eye on one direction of one connection. It copies the bytes that the
 * writing end has put into its stream, and compares what the reading end has got: byte for byte, in
 * order, none lost, none twice. It reads the streams' buffers and trusts none of their numbers
 * beyond that.
 */
#ifndef SIM_WITNESS_H
#define SIM_WITNESS_H

#include <stdbool.h>
#include <stdint.h>

#include "machine/stream.h"

/* More than both ends can hold unacknowledged and unread together. */
#define WITNESS_BYTES (4 * STREAM_WINDOW_BYTES)

struct witness {
    uint8_t bytes[WITNESS_BYTES]; /* byte n stands at n % WITNESS_BYTES */
    uint64_t written;             /* bytes seen to be written */
    uint64_t read;                /* bytes seen to arrive, in order */
};

/* After the writing end may have been written to. False: it changed bytes, or forgot some that the
 * reading end has not got. */
bool witness_follow_writer(struct witness *witness, const struct stream *writer);
/* After the reading end may have received. False: what it holds is not what was written. */
bool witness_follow_reader(struct witness *witness, const struct stream *reader);
/* After the reading end was loaded elsewhere: it must be exactly where it was. */
bool witness_is_where_it_was(const struct witness *witness, const struct stream *reader);

#endif
