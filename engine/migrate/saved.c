#include "migrate/saved.h"

#include <string.h>

#define SAVED_MAGIC_BYTES (sizeof SAVED_MAGIC - 1)

#define NOTE_DISK         1 /* of SAVED: a block of the disk */

/* A file has no bandwidth to be fair about: pieces that are worth a call to write. */
#define PIECE_BYTES (256u << 10)

/* ---- Writing ---- */

static void answer(struct saving *saving, enum frame_type type)
{
    struct bytes frame = {0};
    message_put_text(&frame, type, "");
    source_receive(&saving->source, 0, frame.data, frame.count);
    bytes_fini(&frame);
}

void saving_init(struct saving *saving, struct guest *guest)
{
    struct source_config config = {
        .strategy = strategy_of(MODE_STOP_AND_COPY),
        .copy_chunk_bytes = PIECE_BYTES,
        .push_chunk_bytes = PIECE_BYTES,
        .encoding = {.compress = COMPRESS_ZERO,
                     .bandwidth_bits_per_s = 1}, /* what holds nothing takes no room */
    };
    *saving = (struct saving){.events = {0}};
    source_init(&saving->source, &config, guest, &saving->events);
    source_start(&saving->source, 0);
}

void saving_begin(struct bytes *to, const char *text)
{
    size_t begin = frame_begin(to, FRAME_SAVED, 0);
    bytes_put(to, SAVED_MAGIC, SAVED_MAGIC_BYTES);
    bytes_put(to, text, strlen(text));
    frame_end(to, begin);
}

void saving_put_disk(struct bytes *to, const uint8_t *disk, size_t disk_bytes)
{
    static const uint8_t nothing[DISK_BLOCK_BYTES];

    for (size_t at = 0; at < disk_bytes; at += DISK_BLOCK_BYTES) {
        if (memcmp(disk + at, nothing, DISK_BLOCK_BYTES) == 0)
            continue;
        size_t begin = frame_begin(to, FRAME_SAVED, NOTE_DISK);
        bytes_put_u64(to, at);
        bytes_put(to, disk + at, DISK_BLOCK_BYTES);
        frame_end(to, begin);
    }
}

bool saving_next(struct saving *saving, struct bytes *to)
{
    struct source *source = &saving->source;

    saving->events.count = 0; /* nobody draws a file */
    if (source_send(source, 0, 0, to) > 0)
        return true;
    if (source->phase == PHASE_SETUP) {
        answer(saving, FRAME_READY);
        return saving_next(saving, to);
    }
    MUST(source->phase == PHASE_HAND_OVER);
    answer(saving, FRAME_RUNNING);
    MUST(source->phase == PHASE_COMPLETED);
    return false;
}

void saving_fini(struct saving *saving)
{
    source_fini(&saving->source);
    event_list_fini(&saving->events);
}

/* ---- Reading ---- */

enum status saved_read_text(const uint8_t *data, size_t count, const char **text,
                            size_t *text_bytes, size_t *consumed, struct problem *problem)
{
    struct frame frame;
    size_t magic_end = FRAME_HEADER_BYTES + SAVED_MAGIC_BYTES;
    size_t compared = count < magic_end ? count : magic_end;

    *consumed = 0;
    /* What sort of file it is shows before its checksum does. */
    if (compared > FRAME_HEADER_BYTES &&
        memcmp(data + FRAME_HEADER_BYTES, SAVED_MAGIC, compared - FRAME_HEADER_BYTES) != 0)
        return problem_set(problem, STATUS_BAD_INPUT, "this is no saved machine");
    if (frame_decode(data, count, &frame, consumed) != STATUS_OK ||
        (*consumed > 0 &&
         (frame.type != FRAME_SAVED || frame.note != 0 || frame.payload_bytes < SAVED_MAGIC_BYTES ||
          frame.payload_bytes > SAVED_MAGIC_BYTES + SAVED_TEXT_MAX)))
        return problem_set(problem, STATUS_BAD_INPUT,
                           "the saved machine is damaged at its beginning");
    if (*consumed > 0) {
        *text = (const char *)frame.payload + SAVED_MAGIC_BYTES;
        *text_bytes = frame.payload_bytes - SAVED_MAGIC_BYTES;
    }
    return STATUS_OK;
}

void resuming_init(struct resuming *resuming, struct guest *guest, uint64_t position, uint8_t *disk,
                   size_t disk_bytes)
{
    *resuming = (struct resuming){.position = position, .disk = disk, .disk_bytes = disk_bytes};
    target_init(&resuming->target, guest, &resuming->events);
}

static enum status refuse(const struct resuming *resuming, const char *what,
                          struct problem *problem)
{
    return problem_set(problem, STATUS_BAD_INPUT, "%s (at byte %llu of it)", what,
                       (unsigned long long)resuming->position);
}

static enum status receive_disk(struct resuming *resuming, const struct frame *frame,
                                struct problem *problem)
{
    struct bytes_reader reader;

    bytes_reader_init(&reader, frame->payload, frame->payload_bytes);
    uint64_t at = bytes_get_u64(&reader);
    const uint8_t *block = bytes_get(&reader, DISK_BLOCK_BYTES);
    if (block == NULL || !bytes_is_done(&reader) || at % DISK_BLOCK_BYTES != 0 ||
        at >= resuming->disk_bytes)
        return refuse(resuming, "a block stands there that the disk does not have", problem);
    memcpy(resuming->disk + at, block, DISK_BLOCK_BYTES);
    return STATUS_OK;
}

/* One whole frame. What a target would let pass (a page that it has already, a frame that is not
 * for it) does not stand in a file that a source has written. */
static enum status receive_frame(struct resuming *resuming, const uint8_t *data, size_t count,
                                 const struct frame *frame, struct problem *problem)
{
    struct target *target = &resuming->target;

    if (target_is_running(target))
        return refuse(resuming, "something stands behind the saved machine's end", problem);
    if (frame->type == FRAME_SAVED && frame->note == NOTE_DISK && target->phase == TARGET_WAITING)
        return receive_disk(resuming, frame, problem);
    if (frame->type > FRAME_COMMIT || frame->type == FRAME_STALE)
        return refuse(resuming, "a frame stands there that no saved machine has", problem);
    target_receive(target, 0, data, count);
    resuming->events.count = 0;
    bytes_clear(&target->out); /* what it answers nobody waits for */
    return target->phase == TARGET_REFUSED ? refuse(resuming, target->reason, problem) : STATUS_OK;
}

enum status resuming_receive(struct resuming *resuming, const uint8_t *data, size_t count,
                             struct problem *problem)
{
    enum status status = STATUS_OK;
    size_t position = 0;

    bytes_put(&resuming->in, data, count);
    while (status == STATUS_OK) {
        struct frame frame;
        size_t consumed;
        const uint8_t *next = resuming->in.data + position;
        if (frame_decode(next, resuming->in.count - position, &frame, &consumed) != STATUS_OK)
            return refuse(resuming, "it is damaged: a checksum does not fit", problem);
        if (consumed == 0)
            break;
        status = receive_frame(resuming, next, consumed, &frame, problem);
        position += consumed;
        resuming->position += consumed;
    }
    bytes_drop_front(&resuming->in, position);
    return status;
}

enum status resuming_finish(struct resuming *resuming, struct problem *problem)
{
    const struct target *target = &resuming->target;
    const struct guest *guest = target->guest;

    if (target->is_complete && resuming->in.count == 0)
        return STATUS_OK;
    if (target_is_running(target))
        return refuse(resuming,
                      target->is_complete ? "something stands behind the saved machine's end"
                                          : "pages are missing in it",
                      problem);
    return problem_set(problem, STATUS_BAD_INPUT,
                       "it is cut off at byte %llu: %llu of its %llu pages are there, and not all "
                       "of its state",
                       (unsigned long long)(resuming->position + resuming->in.count),
                       (unsigned long long)guest->present.set_count,
                       (unsigned long long)guest->total_pages);
}

void resuming_fini(struct resuming *resuming)
{
    target_fini(&resuming->target);
    event_list_fini(&resuming->events);
    bytes_fini(&resuming->in);
}
