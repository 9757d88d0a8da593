/* wild_state: saved states with bytes changed and their checksums made to fit, so that what lies
 * behind the checksums is reached. Only tests and fuzzers include this. */
#ifndef MACHINE_WILD_STATE_H
#define MACHINE_WILD_STATE_H

#include "base/digest.h"
#include "machine/state_old.h"

/* Gives every section of a state the checksum that fits it. */
static inline void wild_seal(struct bytes *state)
{
    for (size_t begin = 8, length; begin + 20 <= state->count; begin += length + 20) {
        struct bytes_reader reader;
        struct bytes check = {0};
        bytes_reader_init(&reader, state->data + begin + 8, 4);
        length = bytes_get_u32(&reader);
        if (length > state->count - begin - 20)
            return;
        bool is_end = memcmp(state->data + begin, "END ", 4) == 0;
        size_t from = is_end ? 0 : begin;
        bytes_put_u64(&check, digest_of(state->data + from, begin + 12 + length - from));
        memcpy(state->data + begin + 12 + length, check.data, 8);
        bytes_fini(&check);
    }
}

/* Loads a state into a machine with a life of its own. Refused, it must live on as it would have;
 * taken, it must be one that can be run, and saved and loaded once more. */
static inline void wild_load(const struct bytes *state, uint64_t *loaded_count)
{
    struct guest *guest = old_guest();
    struct problem problem = {STATUS_OK, ""};
    struct bytes before = {0}, after = {0};
    struct bytes_reader reader;
    struct guest_run run;

    old_live(guest);
    guest->ops->save(guest, &before);
    bytes_reader_init(&reader, state->data, state->count);
    enum status status = guest->ops->load(guest, &reader, &problem);
    guest->ops->save(guest, &after);
    if (status != STATUS_OK) {
        MUST(problem.text[0] != '\0' && before.count == after.count);
        MUST(memcmp(before.data, after.data, before.count) == 0);
    } else {
        bytes_reader_init(&reader, after.data, after.count);
        MUST(guest->ops->load(guest, &reader, &problem) == STATUS_OK);
        bytes_clear(&before);
        guest->ops->save(guest, &before);
        MUST(before.count == after.count && memcmp(before.data, after.data, before.count) == 0);
        (*loaded_count)++;
    }
    uint64_t now_ns = guest->ops->now_ns(guest);
    for (unsigned i = 0; i < 20; i++) {
        static struct stream_packet packet;
        uint32_t stream_idx;
        guest->ops->run(guest, now_ns + i * 100 * NS_PER_US, &run);
        bytes_clear(machine_console(guest));
        packet = (struct stream_packet){.bytes = i, .ack = i};
        mailbox_deliver(machine_mailbox(guest), now_ns, i % 3, &packet);
        while (mailbox_packet(machine_mailbox(guest), now_ns, &stream_idx, &packet))
            continue;
    }
    guest->ops->close(guest);
    bytes_fini(&before);
    bytes_fini(&after);
}

#endif
