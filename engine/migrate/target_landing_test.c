/* Pages that are read straight into place: the same moves as by way of a buffer, however the stream
 * is cut; and whatever byte of it is wrong, no page is present that is not the source's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "migrate/memory_guest.h"
#include "migrate/source.h"
#include "migrate/target.h"

#define PAGES     48
#define TURNS_MAX 400
#define SPANS     8 /* of 4 rows at a time */

struct pair {
    struct guest *guests[HOST_COUNT];
    struct event_list events[HOST_COUNT];
    struct source source;
    struct target target;
    uint64_t now_ns;
    uint64_t said_bytes, at_byte; /* of the source; that byte is changed */
    uint64_t placed_bytes, lent_bytes, lent_parts;
    size_t piece; /* the stream is cut into pieces of so many bytes */
    bool is_placing;
    bool is_written; /* the guest writes pages while it is moved */
};

static void pair_init(struct pair *pair, enum mode mode, bool is_placing, size_t piece)
{
    struct source_config config = {
        .strategy = strategy_of(mode),
        .limits = {.downtime_ns = 1000, .max_rounds = 3, .switch_after = 1},
        .copy_chunk_bytes = 7 * MESSAGE_PAGE_WIRE_BYTES,
        .push_chunk_bytes = 2 * MESSAGE_PAGE_WIRE_BYTES,
        .is_lending = is_placing,
    };

    *pair = (struct pair){.is_placing = is_placing, .piece = piece, .at_byte = UINT64_MAX};
    for (uint32_t host = 0; host < HOST_COUNT; host++)
        pair->guests[host] = memory_open(PAGES, host == HOST_SOURCE);
    for (uint64_t i = 0; i < PAGES; i++)
        memset(memory_page(pair->guests[HOST_SOURCE], i), (int)i + 1, PAGE_BYTES);
    source_init(&pair->source, &config, pair->guests[HOST_SOURCE], &pair->events[HOST_SOURCE]);
    target_init(&pair->target, pair->guests[HOST_TARGET], &pair->events[HOST_TARGET]);
    source_start(&pair->source, 0);
}

static void pair_fini(struct pair *pair)
{
    source_fini(&pair->source);
    target_fini(&pair->target);
    for (uint32_t host = 0; host < HOST_COUNT; host++) {
        event_list_fini(&pair->events[host]);
        pair->guests[host]->ops->close(pair->guests[host]);
    }
}

/* As readv does: fills the places in their order. */
static size_t scatter(const struct span *spans, size_t span_count, const uint8_t *data,
                      size_t count)
{
    size_t done = 0;
    for (size_t i = 0; i < span_count && done < count; i++) {
        size_t here = count - done < spans[i].count ? count - done : spans[i].count;
        memcpy(spans[i].data, data + done, here);
        done += here;
    }
    return done;
}

static void hear(struct pair *pair, const uint8_t *data, size_t count)
{
    while (count > 0) {
        struct span spans[SPANS];
        size_t piece = count < pair->piece ? count : pair->piece;
        size_t span_count = pair->is_placing ? target_place(&pair->target, spans, SPANS) : 0;
        if (span_count > 0) {
            piece = scatter(spans, span_count, data, piece);
            target_placed(&pair->target, pair->now_ns, piece);
            pair->placed_bytes += piece;
        } else {
            target_receive(&pair->target, pair->now_ns, data, piece);
        }
        data += piece;
        count -= piece;
    }
}

/* What the source sends next; where pages are lent, put together as the link would. */
static bool source_says(struct pair *pair, struct bytes *to)
{
    struct lending lending = {0};
    struct bytes own = {0};
    struct span span;

    if (!pair->is_placing)
        return source_send(&pair->source, pair->now_ns, 0, to) > 0;
    bool was_said = source_send_lending(&pair->source, pair->now_ns, 0, &own, &lending) > 0;
    while (lending_spans(&lending, &own, to->count, &span, 1) > 0)
        bytes_put(to, span.data, span.count);
    pair->lent_bytes += lending.bytes;
    pair->lent_parts += lending.count;
    bytes_fini(&own);
    lending_fini(&lending);
    return was_said;
}

static bool say(struct pair *pair)
{
    struct bytes out = {0};
    bool was_said = source_says(pair, &out);
    uint64_t at = pair->at_byte - pair->said_bytes;

    if (at < out.count)
        out.data[at] ^= 0x41;
    hear(pair, out.data, out.count);
    pair->said_bytes += out.count;
    bytes_clear(&out);
    was_said |= target_send(&pair->target, &out) > 0;
    source_receive(&pair->source, pair->now_ns, out.data, out.count);
    bytes_fini(&out);
    return was_said;
}

static void move(struct pair *pair)
{
    for (unsigned turn = 0; turn < TURNS_MAX; turn++) {
        pair->now_ns += 10000;
        if (pair->is_written && !source_wants_pause(&pair->source))
            memset(memory_write(pair->guests[HOST_SOURCE], turn * 5 % PAGES), (int)turn,
                   PAGE_BYTES);
        if (turn == 60 && target_is_running(&pair->target) &&
            !bitmap_has(&pair->guests[HOST_TARGET]->present, PAGES - 1))
            target_fault(&pair->target, pair->now_ns, 0, PAGES - 1);
        if (!say(pair) && !(pair->is_written && !source_wants_pause(&pair->source)))
            return;
    }
}

/* What is present at the target is what the source has: its guest stands still from the cut on, and
 * before it a page at the target may be old. */
static void assert_same_memory(const struct pair *pair)
{
    for (uint64_t i = 0; i < PAGES; i++)
        if (bitmap_has(&pair->guests[HOST_TARGET]->present, i))
            assert_memory_equal(memory_page(pair->guests[HOST_SOURCE], i),
                                memory_page(pair->guests[HOST_TARGET], i), PAGE_BYTES);
}

static uint64_t installed_pages(const struct pair *pair)
{
    const struct event_list *events = &pair->events[HOST_TARGET];
    uint64_t pages = 0;
    for (size_t i = 0; i < events->count; i++)
        if (events->items[i].kind == EVENT_PAGES_INSTALLED)
            pages += events->items[i].pages_installed.count;
    return pages;
}

static void test_it_is_the_same_move_however_it_is_cut(void **state)
{
    static const size_t pieces[] = {1,    15,    16,    23,    24,    25,     1000,
                                    4121, 28695, 28696, 28697, 40000, 1 << 20};
    (void)state;

    for (int mode = 0; mode < MODE_COUNT; mode++) {
        struct pair plain;
        pair_init(&plain, (enum mode)mode, false, 1 << 20);
        plain.is_written = true;
        move(&plain);
        assert_int_equal(plain.source.phase, PHASE_COMPLETED);
        for (unsigned i = 0; i < sizeof pieces / sizeof *pieces; i++) {
            struct pair pair;
            pair_init(&pair, (enum mode)mode, true, pieces[i]);
            pair.is_written = true;
            move(&pair);
            assert_int_equal(pair.source.phase, PHASE_COMPLETED);
            assert_true(pair.target.is_complete);
            assert_int_equal(pair.now_ns, plain.now_ns);
            assert_true(pair.lent_bytes >= PAGES * PAGE_BYTES);
            /* A page of a row has no head of its own. */
            assert_int_equal(pair.said_bytes, plain.said_bytes - MESSAGE_ROW_HEAD_BYTES *
                                                                     (pair.lent_bytes / PAGE_BYTES -
                                                                      pair.lent_parts));
            assert_int_equal(installed_pages(&pair), installed_pages(&plain));
            assert_same_memory(&pair);
            pair_fini(&pair);
        }
        pair_fini(&plain);
    }
}

/* Only the first two rows, from which the others are guessed, the last one, which is shorter, and
 * what is no page go by a buffer. */
static void test_pages_are_lent_and_most_are_read_into_place(void **state)
{
    struct pair pair;
    (void)state;

    pair_init(&pair, MODE_STOP_AND_COPY, true, 1 << 20);
    move(&pair);
    assert_int_equal(pair.source.phase, PHASE_COMPLETED);
    assert_true(pair.placed_bytes >= (PAGES - 2 * 7 - PAGES % 7) * (uint64_t)PAGE_BYTES);
    assert_int_equal(pair.lent_bytes, PAGES * PAGE_BYTES);
    assert_int_equal(pair.lent_parts, (PAGES + 6) / 7); /* a row for each chunk */
    pair_fini(&pair);
}

static void test_with_a_byte_changed_no_wrong_page_is_present(void **state)
{
    static const enum mode modes[] = {MODE_STOP_AND_COPY, MODE_POST_COPY};
    (void)state;

    for (unsigned i = 0; i < 2; i++) {
        struct pair whole;
        pair_init(&whole, modes[i], true, 6000);
        move(&whole);
        size_t row_bytes = MESSAGE_ROW_HEAD_BYTES + (i == 0 ? 7 : 2) * PAGE_BYTES;
        for (uint64_t at = 0; at < whole.said_bytes; at += at % row_bytes < 90 ? 1 : 97) {
            struct pair pair;
            pair_init(&pair, modes[i], true, 6000);
            pair.at_byte = at;
            move(&pair);
            assert_same_memory(&pair);
            assert_true(pair.target.phase == TARGET_REFUSED || pair.target.has_hung_up ||
                        pair.target.in.count > 0 || pair.source.phase == PHASE_ABORTED);
            pair_fini(&pair);
        }
        pair_fini(&whole);
    }
}

/* The connection breaks while a page has come in part, and the next one brings it whole. */
static void test_half_a_page_is_none(void **state)
{
    struct pair pair;
    struct bytes out = {0};
    (void)state;

    pair_init(&pair, MODE_POST_COPY, true, 5000);
    while (pair.guests[HOST_TARGET]->present.set_count < 20)
        say(&pair);
    assert_true(source_says(&pair, &out));
    hear(&pair, out.data, out.count - 100);
    assert_true(pair.target.landing.row_count > 0);
    uint64_t present = pair.guests[HOST_TARGET]->present.set_count;
    bytes_fini(&out);

    source_disconnected(&pair.source, pair.now_ns, "");
    target_disconnected(&pair.target);
    assert_int_equal(pair.guests[HOST_TARGET]->present.set_count, present);
    assert_same_memory(&pair);
    source_connected(&pair.source, pair.now_ns);
    target_connected(&pair.target);
    move(&pair);
    assert_int_equal(pair.source.phase, PHASE_COMPLETED);
    assert_true(pair.target.is_complete);
    assert_same_memory(&pair);
    pair_fini(&pair);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_it_is_the_same_move_however_it_is_cut),
        cmocka_unit_test(test_pages_are_lent_and_most_are_read_into_place),
        cmocka_unit_test(test_with_a_byte_changed_no_wrong_page_is_present),
        cmocka_unit_test(test_half_a_page_is_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
