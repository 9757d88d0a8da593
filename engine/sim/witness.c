#include "sim/witness.h"

bool witness_follow_writer(struct witness *witness, const struct stream *writer)
{
    uint64_t end = writer->una + writer->to_send_count;
    if (end < witness->written || writer->una > witness->written)
        return false;
    for (uint64_t at = writer->una; at < witness->written; at++)
        if (witness->bytes[at % WITNESS_BYTES] != writer->to_send[at - writer->una])
            return false;
    for (uint64_t at = witness->written; at < end; at++)
        witness->bytes[at % WITNESS_BYTES] = writer->to_send[at - writer->una];
    witness->written = end;
    return true;
}

bool witness_follow_reader(struct witness *witness, const struct stream *reader)
{
    uint64_t begin = reader->expected - reader->to_read_count;
    if (reader->expected < witness->read || reader->expected > witness->written ||
        begin > witness->read)
        return false;
    for (uint64_t at = begin; at < reader->expected; at++)
        if (witness->bytes[at % WITNESS_BYTES] != reader->to_read[at - begin])
            return false;
    witness->read = reader->expected;
    return true;
}

bool witness_is_where_it_was(const struct witness *witness, const struct stream *reader)
{
    return reader->expected == witness->read;
}
