/* Any bytes, cut anywhere, against both ends: they may refuse, and nothing else. The first byte
 * chooses the end and how the rest is cut. */
#include <stddef.h>
#include <stdint.h>

#include "machine/model.h"
#include "migrate/source.h"
#include "migrate/target.h"

#define PAGES 64

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t count);

static void put_checksummed(struct bytes *to, const uint8_t *data, size_t count)
{
    size_t begin = frame_begin(to, (enum frame_type)(data[0] % FRAME_TYPE_COUNT), data[0] / 64);
    bytes_put(to, data + 1, count - 1);
    frame_end(to, begin);
}

/* Payloads that pass the checksum, so that what lies behind it is reached: each length byte is
 * followed by a frame's type and payload. A zero length stands for raw bytes to the end. */
static void frames_of(struct bytes *to, const uint8_t *data, size_t count)
{
    for (size_t at = 0; at < count;) {
        size_t bytes = data[at++];
        if (bytes == 0 || bytes > count - at) {
            bytes_put(to, data + at, count - at);
            return;
        }
        put_checksummed(to, data + at, bytes);
        at += bytes;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t count)
{
    struct model_config config = {.pattern = WRITES_UNIFORM,
                                  .total_pages = PAGES,
                                  .working_set_pages = PAGES,
                                  .write_rate = 1000,
                                  .seed = 1};
    struct source_config source_config = {.strategy = strategy_of(MODE_HYBRID)};
    struct event_list events = {0};
    struct bytes stream = {0}, said = {0};
    struct source source;
    struct target target;

    if (count < 2)
        return 0;
    struct guest *guests[] = {model_open(&config), model_open_empty(&config)};
    source_init(&source, &source_config, guests[0], &events);
    target_init(&target, guests[1], &events);
    source_start(&source, 0);
    source_send(&source, 0, 0, &stream); /* HELLO, so that the target gets beyond it */
    frames_of(&stream, data + 1, count - 1);

    size_t piece = data[0] / 2 + 1;
    for (size_t at = 0; at < stream.count; at += piece) {
        size_t most = stream.count - at < piece ? stream.count - at : piece;
        if (data[0] % 2 == 0)
            target_receive(&target, at, stream.data + at, most);
        else
            source_receive(&source, at, stream.data + at, most);
        source_send(&source, at, 0, &said);
        target_send(&target, &said);
        bytes_clear(&said);
    }
    source_fini(&source);
    target_fini(&target);
    event_list_fini(&events);
    bytes_fini(&stream);
    bytes_fini(&said);
    guests[0]->ops->close(guests[0]);
    guests[1]->ops->close(guests[1]);
    return 0;
}
