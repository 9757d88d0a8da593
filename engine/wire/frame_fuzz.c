/* Any bytes as frames, and as what the frames say: whole, and cut wherever the first byte says.
 * Both ways find the same frames, and what is read of a message lies within its payload. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "wire/message.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t count);

/* Every reader gets every frame: one that is of another type refuses, or reads what is there. */
static void read_as_all(const struct frame *frame)
{
    struct message_hello hello;
    struct message_commit commit;
    struct message_forward forward;
    char text[MESSAGE_REASON_MAX];
    const uint8_t *bits;
    uint64_t number, first_idx;
    uint32_t bit_count;

    if (message_get_hello(frame, &hello) == STATUS_OK)
        MUST(strlen(hello.kind) <= MESSAGE_KIND_BYTES);
    (void)!message_get_commit(frame, &commit);
    (void)!message_get_number(frame, &number);
    if (message_get_forward(frame, &forward) == STATUS_OK)
        MUST(forward.bytes <= frame->payload_bytes);
    message_get_text(frame, text);
    MUST(memchr(text, '\0', sizeof text) != NULL);
    if (message_get_stale(frame, &first_idx, &bits, &bit_count) == STATUS_OK && bit_count > 0)
        MUST(bits >= frame->payload &&
             bits + (bit_count - 1) / 8 < frame->payload + frame->payload_bytes);
}

/* How many frames there are, and where the last of them ends. */
static uint64_t count_frames(const uint8_t *data, size_t count, size_t *end)
{
    uint64_t frames = 0;

    for (*end = 0;; frames++) {
        struct frame frame;
        size_t consumed;
        if (frame_decode(data + *end, count - *end, &frame, &consumed) != STATUS_OK ||
            consumed == 0)
            return frames;
        MUST(consumed <= count - *end && frame.payload_bytes <= FRAME_PAYLOAD_MAX);
        read_as_all(&frame);
        *end += consumed;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t count)
{
    struct bytes stream = {0};
    size_t end, cut_end;

    if (count < 2)
        return 0;
    bytes_put(&stream, data + 1, count - 1);
    (void)count_frames(stream.data, stream.count, &end);
    /* The rest as a payload behind a checksum that is right, which no mutation finds. */
    bytes_clear(&stream);
    size_t begin = frame_begin(&stream, (enum frame_type)(data[0] % FRAME_TYPE_COUNT), data[1]);
    bytes_put(&stream, data + 2, count - 2);
    frame_end(&stream, begin);
    MUST(count_frames(stream.data, stream.count, &end) == 1 && end == stream.count);
    /* A copy of exactly what has come so far, so that a read past it is seen. */
    size_t cut = data[0] * stream.count / 256;
    uint8_t *exact = malloc(cut + !cut);
    memcpy(exact, stream.data, cut);
    MUST(count_frames(exact, cut, &cut_end) == 0);
    free(exact);
    bytes_fini(&stream);
    return 0;
}
