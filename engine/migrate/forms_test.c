/* Pages in every form between the two ends: what arrives, what is counted, and what a page comes to
 * that is not what its sender says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/prng.h"
#include "migrate/memory_guest.h"
#include "migrate/source.h"
#include "migrate/target.h"

#define PAGES 200

struct pair {
    struct guest *guests[HOST_COUNT];
    struct event_list events;
    struct source source;
    struct target target;
    struct prng prng;
    uint64_t now_ns, bytes;
};

static void pair_init(struct pair *pair, enum mode mode, enum compress compress)
{
    struct source_config config = {
        .strategy = strategy_of(mode),
        .limits = {.downtime_ns = 1000000,
                   .max_rounds = 6,
                   .total_time_ns = LIMIT_NONE,
                   .switch_after = 2,
                   .prefetch = PREFETCH_SEQUENTIAL},
        .copy_chunk_bytes = 20 * MESSAGE_PAGE_WIRE_BYTES,
        .push_chunk_bytes = 1,
        .encoding = {.compress = compress,
                     .delta_cache_bytes = 50 * PAGE_BYTES,
                     .bandwidth_bits_per_s = 1000000000},
        .has_free_hints = true,
    };
    *pair = (struct pair){.prng = prng_make(1, (uint64_t)mode)};
    pair->guests[HOST_SOURCE] = memory_open(PAGES, true);
    pair->guests[HOST_TARGET] = memory_open(PAGES, false);
    source_init(&pair->source, &config, pair->guests[HOST_SOURCE], &pair->events);
    target_init(&pair->target, pair->guests[HOST_TARGET], &pair->events);
}

static void pair_fini(struct pair *pair)
{
    source_fini(&pair->source);
    target_fini(&pair->target);
    event_list_fini(&pair->events);
    for (uint32_t host = 0; host < HOST_COUNT; host++)
        pair->guests[host]->ops->close(pair->guests[host]);
}

/* The guest at work: most of its memory is zeros, some text, some noise; now and then it gives a
 * page away. */
static void live(struct pair *pair)
{
    struct prng *prng = &pair->prng;
    for (unsigned writes = 0; writes < 12; writes++) {
        uint64_t page_idx = prng_below(prng, PAGES / 2);
        if (prng_below(prng, 8) == 0) {
            memory_give_away(pair->guests[0], page_idx);
            continue;
        }
        uint8_t *page = memory_write(pair->guests[0], page_idx);
        uint64_t at = prng_below(prng, PAGE_BYTES - 256);
        for (unsigned i = 0; i < 256; i++)
            page[at + i] = (uint8_t)(page_idx % 2 == 0 ? prng_next(prng) : 'a' + i % 7);
    }
}

/* One thing said by each end, heard in pieces. False when nobody had anything to say. */
static bool exchange(struct pair *pair, size_t piece)
{
    struct bytes out = {0};
    bool was_said = false;

    pair->now_ns += 100000;
    if (!source_wants_pause(&pair->source))
        live(pair);
    uint64_t charge = source_send(&pair->source, pair->now_ns, 0, &out);
    if (charge > 0) {
        was_said = true;
        assert_int_equal(charge, out.count); /* a machine's pages cost what they take */
        for (size_t at = 0; at < out.count; at += piece)
            target_receive(&pair->target, pair->now_ns, out.data + at,
                           out.count - at < piece ? out.count - at : piece);
    }
    pair->bytes += charge;
    bytes_clear(&out);
    if (target_send(&pair->target, &out) > 0) {
        was_said = true;
        source_receive(&pair->source, pair->now_ns, out.data, out.count);
    }
    bytes_fini(&out);
    return was_said;
}

static void assert_moved(const struct pair *pair)
{
    assert_int_equal(pair->source.phase, PHASE_COMPLETED);
    assert_true(pair->target.is_complete);
    for (uint64_t i = 0; i < PAGES; i++)
        assert_memory_equal(memory_page(pair->guests[0], i), memory_page(pair->guests[1], i),
                            PAGE_BYTES);
}

/* Of what is sent once the guest may run there, the target has no copy that counts. */
static void assert_no_delta_after_the_hand_over(const struct event_list *events)
{
    bool is_over = false;
    for (size_t i = 0; i < events->count; i++) {
        const struct event *event = &events->items[i];
        is_over |=
            event->kind == EVENT_PHASE_CHANGED && event->phase_changed.phase == PHASE_HAND_OVER;
        if (event->kind == EVENT_PAGES_SENT && is_over)
            assert_int_not_equal(event->pages_sent.form, PAGE_FORM_DELTA);
    }
}

static void test_every_mode_in_every_form_however_it_is_cut(void **state)
{
    static const size_t pieces[] = {1, 63, 1 << 20};
    (void)state;
    for (int mode = 0; mode < MODE_COUNT; mode++) {
        uint64_t plain_bytes = 0;
        for (int compress = COMPRESS_NONE; compress <= COMPRESS_AUTO; compress++)
            for (size_t i = 0; i < 3; i++) {
                struct pair pair;
                pair_init(&pair, (enum mode)mode, (enum compress)compress);
                for (unsigned before = 0; before < 20; before++)
                    live(&pair);
                source_start(&pair.source, 0);
                while (exchange(&pair, pieces[i]))
                    ;
                assert_moved(&pair);
                assert_no_delta_after_the_hand_over(&pair.events);
                if (compress == COMPRESS_NONE)
                    plain_bytes = pair.bytes;
                else
                    assert_true(pair.bytes < plain_bytes);
                pair_fini(&pair);
            }
    }
}

/* ---- Refusals ---- */

static void test_a_form_that_is_not_known_is_refused_by_name(void **state)
{
    static const struct {
        enum page_form unknown;
        enum compress compress;
        bool is_refused;
    } rows[] = {
        {PAGE_FORM_ZSTD, COMPRESS_ZSTD, true},   {PAGE_FORM_ZSTD, COMPRESS_AUTO, true},
        {PAGE_FORM_ZSTD, COMPRESS_LZ4, false},   {PAGE_FORM_LZ4, COMPRESS_LZ4, true},
        {PAGE_FORM_DELTA, COMPRESS_DELTA, true}, {PAGE_FORM_ZERO, COMPRESS_ZERO, true},
        {PAGE_FORM_FREE, COMPRESS_NONE, true},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct pair pair;
        pair_init(&pair, MODE_PRE_COPY, rows[i].compress);
        pair.target.offer.features &= ~(1u << rows[i].unknown);
        source_start(&pair.source, 0);
        while (exchange(&pair, 4096))
            ;
        assert_int_equal(pair.source.phase == PHASE_ABORTED, rows[i].is_refused);
        for (size_t k = 0; rows[i].is_refused && k < pair.events.count; k++)
            assert_int_not_equal(pair.events.items[k].kind, EVENT_PAGES_SENT);
        if (rows[i].is_refused)
            assert_non_null(strstr(pair.source.reason, page_form_name(rows[i].unknown)));
        pair_fini(&pair);
    }
}

/* Two pages are put on the link as encoded ones whose digests are others'. */
static void send_forged(struct pair *pair, uint64_t page_idx)
{
    struct bytes forged = {0};
    const uint8_t delta[] = {0, 1, 'x'};
    struct page_encoded encoded = {PAGE_FORM_DELTA, delta, sizeof delta, 12345};
    size_t begin = message_begin_pages(&forged, PAGE_FORM_DELTA, WHY_RESENT);
    bytes_put_u64(&forged, page_idx);
    message_put_encoded(&forged, &encoded);
    message_put_encoded(&forged, &encoded);
    frame_end(&forged, begin);
    target_receive(&pair->target, pair->now_ns, forged.data, forged.count);
    bytes_fini(&forged);
}

static void test_a_page_that_is_not_what_its_digest_says(void **state)
{
    struct pair pair;
    uint8_t before[PAGE_BYTES];
    (void)state;
    pair_init(&pair, MODE_PRE_COPY, COMPRESS_DELTA);
    source_start(&pair.source, 0);
    while (!bitmap_has(&pair.guests[1]->present, 5))
        exchange(&pair, 4096);
    memcpy(before, memory_page(pair.guests[1], 5), PAGE_BYTES);
    send_forged(&pair, 5);
    assert_int_equal(pair.target.phase, TARGET_REFUSED);
    assert_memory_equal(before, memory_page(pair.guests[1], 5), PAGE_BYTES);
    while (exchange(&pair, 4096))
        ;
    assert_int_equal(pair.source.phase, PHASE_ABORTED);
    assert_false(source_wants_pause(&pair.source));
    assert_string_equal(pair.source.reason, "page 5 arrived in form delta and does not come to the "
                                            "page that its digest names");
    pair_fini(&pair);
}

/* After COMMIT there is no way back: such a page is not installed, but asked for again, although
 * the source had sent it; and comes as it is. */
static void test_after_commit_it_is_asked_for_again(void **state)
{
    struct pair pair;
    (void)state;
    pair_init(&pair, MODE_POST_COPY, COMPRESS_DELTA);
    source_start(&pair.source, 0);
    while (!target_is_running(&pair.target))
        exchange(&pair, 4096);
    assert_false(bitmap_has(&pair.guests[1]->present, 150));
    bitmap_clear_run(&pair.source.to_send, 150, 2); /* as if what comes now had been its own */
    send_forged(&pair, 150);
    assert_false(bitmap_has(&pair.guests[1]->present, 150));
    assert_false(bitmap_has(&pair.guests[1]->present, 151));
    assert_true(target_is_running(&pair.target));
    while (exchange(&pair, 4096))
        ;
    assert_moved(&pair);
    assert_null(pair.source.encoder);
    pair_fini(&pair);
}

/* ---- Pages that the guest gave away ---- */

static void test_free_pages_cost_a_few_bytes_until_they_are_used(void **state)
{
    struct pair pair;
    uint64_t sent = 0, given_away = 0;
    (void)state;
    pair_init(&pair, MODE_STOP_AND_COPY, COMPRESS_NONE);
    for (uint64_t i = 0; i < PAGES; i++)
        memset(memory_write(pair.guests[0], i), 'x', PAGE_BYTES);
    for (uint64_t i = 40; i < 140; i++)
        memory_give_away(pair.guests[0], i);
    memory_write(pair.guests[0], 90)[7] = 'y';
    source_start(&pair.source, 0);
    /* (Stop-and-copy: the guest stands still once READY is there.) */
    struct bytes out = {0};
    while (pair.source.phase != PHASE_COMPLETED) {
        bytes_clear(&out);
        source_send(&pair.source, pair.now_ns, 0, &out);
        target_receive(&pair.target, pair.now_ns, out.data, out.count);
        pair.bytes += out.count;
        bytes_clear(&out);
        target_send(&pair.target, &out);
        source_receive(&pair.source, pair.now_ns, out.data, out.count);
    }
    bytes_fini(&out);
    assert_moved(&pair);
    for (size_t i = 0; i < pair.events.count; i++) {
        const struct event *event = &pair.events.items[i];
        if (event->kind == EVENT_ROUND_ENDED)
            assert_int_equal(event->round_ended.pages_sent, PAGES - 99);
        if (event->kind != EVENT_PAGES_SENT)
            continue;
        if (event->pages_sent.form == PAGE_FORM_FREE)
            given_away += event->pages_sent.count;
        else
            sent += event->pages_sent.count;
    }
    assert_int_equal(given_away, 99);
    assert_int_equal(sent, PAGES - 99);
    assert_in_range(pair.bytes, sent * MESSAGE_PAGE_WIRE_BYTES,
                    sent * MESSAGE_PAGE_WIRE_BYTES + 400);
    pair_fini(&pair);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_mode_in_every_form_however_it_is_cut),
        cmocka_unit_test(test_a_form_that_is_not_known_is_refused_by_name),
        cmocka_unit_test(test_a_page_that_is_not_what_its_digest_says),
        cmocka_unit_test(test_after_commit_it_is_asked_for_again),
        cmocka_unit_test(test_free_pages_cost_a_few_bytes_until_they_are_used),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
