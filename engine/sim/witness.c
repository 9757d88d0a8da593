#include "sim/witness.h"

bool witness_follow_writer(struct witness *witness, const struct stream *writer)
{
    uint64_t end = writer->una + writer->to_send_count;
    if (end < witness->written || writer->una > witness->read)
        return false; /* what the writer may forget, the reader has got */
    for (uint64_t at = writer->una; at < witness->written; at++)
        if (witness->bytes[at % WITNESS_BYTES] != writer->to_send[at - writer->una])
            return false;
    for (uint64_t at = witness->written; at < end; at++)
        witness->bytes[at % WITNESS_BYTES] = writer->to_send[at - writer->una];
    witness->written = end;
    return true;
}

/* The end of a stream has a number, but is no byte. */
static uint64_t received_bytes(const struct stream *reader)
{
    return reader->expected - reader->fin_received;
}

bool witness_follow_reader(struct witness *witness, const struct stream *reader)
{
    uint64_t end = received_bytes(reader);
    uint64_t begin = end - reader->to_read_count;
    if (end < witness->read || end > witness->written || begin > witness->read)
        return false;
    for (uint64_t at = begin; at < end; at++)
        if (witness->bytes[at % WITNESS_BYTES] != reader->to_read[at - begin])
            return false;
    witness->read = end;
    return true;
}

bool witness_is_where_it_was(const struct witness *witness, const struct stream *reader)
{
    return received_bytes(reader) == witness->read;
}
