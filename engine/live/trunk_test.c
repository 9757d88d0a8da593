/* What a host and its gateway say to each other: whole, cut at every byte, and changed at every
 * byte. A frame's checksum would find most of it: here the payload itself is given to the readers. */
#include <locale.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "live/trunk.h"
#include "machine/hypercall.h"
#include "machine/mailbox.h"
#include "record/recording.h"

/* The one frame that was written. */
static struct frame frame_of(const struct bytes *bytes)
{
    struct frame frame;
    size_t consumed;
    assert_int_equal(frame_decode(bytes->data, bytes->count, &frame, &consumed), STATUS_OK);
    assert_int_equal(consumed, bytes->count);
    return frame;
}

static const struct stream_packet sample = {
    .sequence = 1000, .ack = 77, .bytes = 5, .is_fin = true, .is_rehome = true, .data = "hello"};

static void a_packet_comes_back(void **state)
{
    struct bytes bytes = {0};
    struct stream_packet packet;
    uint32_t stream_idx;
    (void)state;

    trunk_put_packet(&bytes, 63, &sample);
    struct frame frame = frame_of(&bytes);
    assert_int_equal(frame.type, FRAME_PACKET);
    assert_int_equal(trunk_get_packet(&frame, &stream_idx, &packet), STATUS_OK);
    assert_int_equal(stream_idx, 63);
    assert_int_equal(packet.sequence, 1000);
    assert_int_equal(packet.ack, 77);
    assert_int_equal(packet.bytes, 5);
    assert_true(packet.is_fin && packet.is_rehome);
    assert_memory_equal(packet.data, "hello", 5);
    bytes_fini(&bytes);
}

/* "0", "1", ... in order; "99" is not wanted. */
static enum status hear_next(void *owner, const struct frame *frame)
{
    unsigned *heard = owner;
    char text[16];

    snprintf(text, sizeof text, "%u", *heard);
    assert_int_equal(frame->payload_bytes, strlen(text));
    assert_memory_equal(frame->payload, text, strlen(text));
    return ++*heard == 100 ? STATUS_BAD_STREAM : STATUS_OK;
}

static void frames_come_in_any_pieces(void **state)
{
    struct bytes all = {0};
    (void)state;

    for (unsigned i = 0; i < 200; i++) {
        char text[16];
        snprintf(text, sizeof text, "%u", i);
        trunk_put_talk(&all, text);
    }
    for (size_t piece = 1; piece < 4000; piece = piece * 3 / 2 + 1) {
        enum status status = STATUS_OK;
        struct bytes in = {0};
        unsigned heard = 0;
        for (size_t at = 0; status == STATUS_OK && at < all.count; at += piece) {
            size_t count = all.count - at < piece ? all.count - at : piece;
            status = trunk_hear(&in, all.data + at, count, hear_next, &heard);
            assert_true(status != STATUS_OK ||
                        in.count < FRAME_HEADER_BYTES + 3); /* no more than one that is not whole */
        }
        assert_int_equal(status, STATUS_BAD_STREAM);
        assert_int_equal(heard, 100); /* and nothing behind it */
        bytes_fini(&in);
    }
    bytes_fini(&all);
}

static const struct trunk_call call = {
    .stream_idx = 7, .port = 6379, .first = 1ull << 40, .guest = "kv"};

static void a_call_comes_back(void **state)
{
    struct bytes bytes = {0};
    struct stream_packet packet;
    struct trunk_call back;
    uint32_t stream_idx;
    (void)state;

    for (uint8_t note = TRUNK_CONNECT; note <= TRUNK_ACCEPTED; note++) {
        bytes_clear(&bytes);
        trunk_put_call(&bytes, note, &call);
        struct frame frame = frame_of(&bytes);
        assert_int_equal(trunk_get_call(&frame, note, &back), STATUS_OK);
        assert_memory_equal(&back, &call, sizeof call);
        assert_int_equal(trunk_get_packet(&frame, &stream_idx, &packet), STATUS_BAD_STREAM);
        assert_int_equal(trunk_get_call(&frame, (uint8_t)(3 - note), &back), STATUS_BAD_STREAM);
    }
    bytes_fini(&bytes);
}

/* A call that is repeated is taken once; one for a number whose last connection still waits for
 * its end is not taken. */
static void a_call_is_taken_once(void **state)
{
    struct stream_packet packet = {.sequence = 500, .ack = 500, .bytes = 0, .is_fin = true};
    const struct trunk_call third = {.stream_idx = 3, .port = 80, .first = 500, .guest = "web"};
    static struct mailbox mailbox;
    (void)state;

    mailbox_init(&mailbox);
    assert_false(trunk_take_call(&mailbox, &third));
    assert_int_equal(mailbox_listen(&mailbox, 80), 0);
    assert_true(trunk_take_call(&mailbox, &third));
    assert_int_equal(mailbox_accept(&mailbox), 3);
    assert_int_equal(mailbox_send(&mailbox, 3, "welcome", 7), 7);
    assert_true(trunk_take_call(&mailbox, &third));
    assert_int_equal(mailbox_accept(&mailbox), HYPERCALL_WOULD_BLOCK);

    mailbox_deliver(&mailbox, 0, 3,
                    &packet); /* the client's end; the guest's is not acknowledged */
    assert_int_equal(mailbox_close(&mailbox, 3), 0);
    assert_false(trunk_take_call(&mailbox, &third));
}

/* A tunnel may still bring a copy of what a client said when another has its number. */
static void a_late_copy_is_old_news(void **state)
{
    struct stream_packet late = {.sequence = 500, .ack = 500, .bytes = 6, .is_fin = true};
    struct trunk_call words = {.stream_idx = 3, .port = 80, .first = 500, .guest = "web"};
    static struct mailbox mailbox;
    char heard[8];
    (void)state;

    memcpy(late.data, "INCR x", 6);
    mailbox_init(&mailbox);
    assert_int_equal(mailbox_listen(&mailbox, 80), 0);
    words.first = 500 + 7; /* the first connection was over behind these bytes and their end */
    assert_true(trunk_take_call(&mailbox, &words));
    assert_int_equal(mailbox_accept(&mailbox), 3);
    mailbox_deliver(&mailbox, 0, 3, &late);
    assert_int_equal(mailbox_receive(&mailbox, 3, heard, sizeof heard), HYPERCALL_WOULD_BLOCK);
    late.sequence = late.ack = words.first;
    mailbox_deliver(&mailbox, 0, 3, &late);
    assert_int_equal(mailbox_receive(&mailbox, 3, heard, sizeof heard), 6);
}

static void talk_is_the_line_itself(void **state)
{
    struct bytes bytes = {0};
    (void)state;

    trunk_put_talk(&bytes, "{\"event\": \"hello\"}");
    struct frame frame = frame_of(&bytes);
    assert_int_equal(frame.type, FRAME_TALK);
    assert_int_equal(frame.payload_bytes, 18);
    assert_memory_equal(frame.payload, "{\"event\": \"hello\"}", 18);
    bytes_fini(&bytes);
}

#define MOVE "0123456789abcdef0123456789abcdef"

/* One event of each kind, every field at a value that all units allow. */
static void put_each_kind(struct event_list *events)
{
    for (unsigned kind = 0; kind < EVENT_COUNT; kind++) {
        struct event event = {.kind = (enum event_kind)kind, .at_ns = 1000 + kind};
        for (unsigned field = 0; field < event_describe(event.kind)->field_count; field++)
            event.fields[field] = 1;
        event_append(events, event);
    }
}

static void every_kind_of_event_comes_back(void **state)
{
    struct event_list events = {0}, back = {0};
    char move[MOVE_ID_BYTES];
    struct bytes bytes = {0};
    (void)state;

    put_each_kind(&events);
    assert_int_equal(trunk_put_events(&bytes, MOVE, events.items, events.count), EVENT_COUNT);
    struct frame frame = frame_of(&bytes);
    assert_int_equal(trunk_get_events(&frame, move, &back), STATUS_OK);
    assert_string_equal(move, MOVE);
    assert_int_equal(back.count, events.count);
    for (size_t i = 0; i < back.count; i++)
        assert_memory_equal(&back.items[i], &events.items[i], sizeof back.items[i]);
    event_list_fini(&events);
    event_list_fini(&back);
    bytes_fini(&bytes);
}

static void a_frame_takes_as_many_events_as_it_may(void **state)
{
    struct event_list events = {0}, back = {0};
    char move[MOVE_ID_BYTES];
    struct bytes bytes = {0};
    size_t taken = 0;
    (void)state;

    while (events.count < 10000)
        event_append(&events, (struct event){.kind = EVENT_REQUEST_SENT, .at_ns = events.count});
    while (taken < events.count) {
        size_t count = trunk_put_events(&bytes, MOVE, events.items + taken, events.count - taken);
        assert_true(count > 0);
        assert_true(bytes.count <= FRAME_HEADER_BYTES + TRUNK_EVENTS_BYTES);
        struct frame frame = frame_of(&bytes);
        assert_int_equal(trunk_get_events(&frame, move, &back), STATUS_OK);
        taken += count;
        bytes_clear(&bytes);
    }
    assert_int_equal(back.count, events.count);
    assert_int_equal(back.items[9999].at_ns, 9999);
    event_list_fini(&events);
    event_list_fini(&back);
    bytes_fini(&bytes);
}

static void enumerations_are_not_believed(void **state)
{
    struct event event = {.kind = EVENT_PHASE_CHANGED, .phase_changed = {PHASE_COUNT}};
    struct event_list back = {0};
    char move[MOVE_ID_BYTES];
    struct bytes bytes = {0};
    (void)state;

    assert_int_equal(trunk_put_events(&bytes, MOVE, &event, 1), 1);
    struct frame frame = frame_of(&bytes);
    assert_int_equal(trunk_get_events(&frame, move, &back), STATUS_BAD_STREAM);
    assert_int_equal(back.count, 0);
    bytes_fini(&bytes);
    event_list_fini(&back);
}

/* ---- Any payload: it is read within its bounds, and what is accepted is possible ---- */

static void read_any(enum frame_type type, uint8_t note, const uint8_t *payload, size_t count)
{
    uint8_t *exact = malloc(count); /* so that a sanitizer sees a read behind its end */
    struct frame frame = {
        .type = type, .note = note, .payload = exact, .payload_bytes = (uint32_t)count};
    struct event_list events = {0};
    char move[MOVE_ID_BYTES];
    struct stream_packet packet;
    struct trunk_call read;
    uint32_t stream_idx;

    memcpy(exact, payload, count);
    if (trunk_get_packet(&frame, &stream_idx, &packet) == STATUS_OK) {
        assert_true(stream_idx < MAILBOX_STREAMS && packet.bytes <= STREAM_WINDOW_BYTES);
        assert_int_equal(count, 28 + packet.bytes);
    }
    if (trunk_get_call(&frame, note, &read) == STATUS_OK)
        assert_true(read.stream_idx < MAILBOX_STREAMS && read.port != 0 && *read.guest != '\0');
    if (trunk_get_events(&frame, move, &events) == STATUS_OK)
        for (size_t i = 0; i < events.count; i++)
            assert_true(move_text_is_id(move) && recorder_takes(&events.items[i]));
    event_list_fini(&events);
    free(exact);
}

static void spoil_everywhere(const struct bytes *bytes)
{
    struct frame frame = frame_of(bytes);
    uint8_t *payload = bytes->data + FRAME_HEADER_BYTES;

    for (size_t count = 0; count <= frame.payload_bytes; count++)
        read_any(frame.type, frame.note, payload, count);
    for (size_t at = 0; at < frame.payload_bytes; at++) {
        for (unsigned bit = 0; bit < 8; bit++) {
            payload[at] ^= (uint8_t)(1u << bit);
            read_any(frame.type, frame.note, payload, frame.payload_bytes);
            payload[at] ^= (uint8_t)(1u << bit);
        }
    }
}

static void a_packet_cut_or_changed_anywhere(void **state)
{
    struct bytes bytes = {0};
    (void)state;
    trunk_put_packet(&bytes, 3, &sample);
    spoil_everywhere(&bytes);
    bytes_clear(&bytes);
    trunk_put_call(&bytes, TRUNK_CONNECT, &call);
    spoil_everywhere(&bytes);
    bytes_clear(&bytes);
    trunk_put_call(&bytes, TRUNK_ACCEPTED, &call);
    spoil_everywhere(&bytes);
    bytes_fini(&bytes);
}

static void events_cut_or_changed_anywhere(void **state)
{
    struct event_list events = {0};
    struct bytes bytes = {0};
    (void)state;
    put_each_kind(&events);
    (void)trunk_put_events(&bytes, MOVE, events.items, events.count);
    spoil_everywhere(&bytes);
    bytes_fini(&bytes);
    event_list_fini(&events);
}

static void a_window_is_the_most_that_a_packet_has(void **state)
{
    static struct stream_packet packet;
    struct bytes bytes = {0};
    uint32_t stream_idx;
    (void)state;

    packet.bytes = STREAM_WINDOW_BYTES;
    trunk_put_packet(&bytes, 0, &packet);
    struct frame frame = frame_of(&bytes);
    assert_int_equal(trunk_get_packet(&frame, &stream_idx, &packet), STATUS_OK);
    bytes_put_u8(&bytes, 0);
    frame.payload = bytes.data + FRAME_HEADER_BYTES;
    frame.payload_bytes++;
    assert_int_equal(trunk_get_packet(&frame, &stream_idx, &packet), STATUS_BAD_STREAM);
    bytes_clear(&bytes);
    trunk_put_packet(&bytes, MAILBOX_STREAMS, &sample);
    frame = frame_of(&bytes);
    assert_int_equal(trunk_get_packet(&frame, &stream_idx, &packet), STATUS_BAD_STREAM);
    bytes_fini(&bytes);
}

/* Else a host and a gateway that speak two languages would not agree, and JSON could not tell it. */
static void a_name_has_letters_of_ascii_in_every_language(void **state)
{
    char name[TRUNK_NAME_MAX + 1] = "kv";
    (void)state;

    (void)setlocale(LC_CTYPE, "en_US.ISO-8859-1"); /* where it is known */
    for (unsigned byte = 0x80; byte <= 0xff; byte++) {
        name[1] = (char)byte;
        assert_false(trunk_is_name(name));
    }
    (void)setlocale(LC_CTYPE, "C");
    assert_true(trunk_is_name("Model:uniform-2.elf_+9"));
    assert_false(trunk_is_name("a/b"));
    assert_false(trunk_is_name(""));
    memset(name, 'a', sizeof name - 1);
    assert_false(trunk_is_name(name));
    name[TRUNK_NAME_MAX - 1] = '\0';
    assert_true(trunk_is_name(name));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_packet_comes_back),
        cmocka_unit_test(frames_come_in_any_pieces),
        cmocka_unit_test(a_call_comes_back),
        cmocka_unit_test(a_call_is_taken_once),
        cmocka_unit_test(a_late_copy_is_old_news),
        cmocka_unit_test(talk_is_the_line_itself),
        cmocka_unit_test(every_kind_of_event_comes_back),
        cmocka_unit_test(a_frame_takes_as_many_events_as_it_may),
        cmocka_unit_test(enumerations_are_not_believed),
        cmocka_unit_test(a_packet_cut_or_changed_anywhere),
        cmocka_unit_test(events_cut_or_changed_anywhere),
        cmocka_unit_test(a_window_is_the_most_that_a_packet_has),
        cmocka_unit_test(a_name_has_letters_of_ascii_in_every_language),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
