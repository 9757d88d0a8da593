/* mutation: what was said once, said wrong. A take is a session as it was recorded, one way of it, in
 * pieces: frames (wire/frame.h), or lines. Of a take any number of streams are made, each from its
 * own random numbers alone: pieces left out, said again and out of order; bits, numbers, lengths and
 * words changed, most of them under a checksum that is right, so that what lies behind it is reached;
 * and cut off anywhere.
 *
 * Included by tests and proofs. */
#ifndef LIVE_MUTATION_H
#define LIVE_MUTATION_H

#include <ctype.h>
#include <string.h>

#include "base/bytes.h"
#include "base/prng.h"
#include "base/status.h"
#include "wire/frame.h"

#define TAKE_PIECES_MAX 2048u
/* What a stream has of a longer take: a part that lies together. */
#define TAKE_WINDOW 48u

struct take {
    struct bytes bytes;
    size_t ends[TAKE_PIECES_MAX]; /* where each piece ends */
    size_t count;
    bool is_framed;
    bool is_whole; /* it means something only with all that came before: no part of it is chosen */
};

static inline bool one_in(struct prng *random, uint64_t count)
{
    return prng_below(random, count) == 0;
}

/* ---- Takes ---- */

static inline void take_add(struct take *take, const void *data, size_t count)
{
    if (take->count == TAKE_PIECES_MAX)
        return;
    bytes_put(&take->bytes, data, count);
    take->ends[take->count++] = take->bytes.count;
}

/* All frames that are whole. */
static inline void take_add_frames(struct take *take, const uint8_t *data, size_t count)
{
    struct frame frame;
    size_t at = 0, consumed;

    take->is_framed = true;
    while (frame_decode(data + at, count - at, &frame, &consumed) == STATUS_OK && consumed > 0) {
        take_add(take, data + at, consumed);
        at += consumed;
    }
}

static inline const uint8_t *take_piece(const struct take *take, size_t idx, size_t *count)
{
    size_t begin = idx == 0 ? 0 : take->ends[idx - 1];
    *count = take->ends[idx] - begin;
    return take->bytes.data + begin;
}

/* ---- One piece ---- */

static inline void change_bits(struct prng *random, struct bytes *bytes)
{
    size_t near = one_in(random, 2) && bytes->count > 64 ? 64 : bytes->count;

    for (uint64_t i = prng_below(random, 6); bytes->count > 0 && i != UINT64_MAX; i--)
        bytes->data[prng_below(random, near)] ^= (uint8_t)(1 << prng_below(random, 8));
}

static inline void change_number(struct prng *random, struct bytes *bytes)
{
    static const uint64_t values[] = {0,         1,          2,          63,
                                      64,        255,        4096,       65535,
                                      1u << 20,  0x7fffffff, UINT32_MAX, 1ull << 31,
                                      INT64_MAX, UINT64_MAX, 1ull << 63, 1ull << 52};
    size_t width = (size_t)1 << prng_below(random, 4);

    if (bytes->count < width)
        return;
    size_t at = prng_below(random, bytes->count - width + 1);
    at -= one_in(random, 2) ? at % width : 0; /* where numbers stand more often */
    uint64_t value = values[prng_below(random, sizeof values / sizeof *values)];
    if (one_in(random, 4))
        value = prng_next(random);
    memcpy(bytes->data + at, &value, width);
}

static inline void remove_part(struct prng *random, struct bytes *bytes)
{
    size_t at = prng_below(random, bytes->count + 1), count = prng_below(random, 64);

    if (bytes->count == 0)
        return;
    count = count < bytes->count - at ? count : bytes->count - at;
    memmove(bytes->data + at, bytes->data + at + count, bytes->count - at - count);
    bytes->count -= count;
}

static inline void insert_part(struct prng *random, struct bytes *bytes, const void *data,
                               size_t count)
{
    size_t at = prng_below(random, bytes->count + 1), behind = bytes->count - at;

    (void)bytes_extend(bytes, count);
    memmove(bytes->data + at + count, bytes->data + at, behind);
    memcpy(bytes->data + at, data, count);
}

/* A run of letters and digits becomes another. */
static inline void change_word(struct prng *random, struct bytes *bytes)
{
    static const char *const words[] = {"0",
                                        "1",
                                        "-1",
                                        "63",
                                        "64",
                                        "65536",
                                        "4294967296",
                                        "9223372036854775807",
                                        "18446744073709551616",
                                        "1e999",
                                        "0.5",
                                        "true",
                                        "null",
                                        "{}",
                                        "[]",
                                        "[[[[[[[[[[[[[[[[[[[[[",
                                        "\"",
                                        "\\u0000",
                                        "\\ud800",
                                        "\xff\xfe",
                                        "%s%n",
                                        "../../x",
                                        "",
                                        " = ",
                                        "\n",
                                        "kv",
                                        "chat",
                                        "A",
                                        "B",
                                        "C",
                                        "M",
                                        "N",
                                        "model:uniform",
                                        "running",
                                        "moving",
                                        "waiting",
                                        "lost",
                                        "ended",
                                        "yes",
                                        "no",
                                        "none",
                                        "cut",
                                        "mended",
                                        "hybrid",
                                        "post-copy",
                                        "stop-and-copy",
                                        "continuous",
                                        "auto",
                                        "tunnel",
                                        "16777216TiB",
                                        "0B",
                                        "1MiB",
                                        "1ns",
                                        "1000h",
                                        "100%",
                                        "execute",
                                        "return",
                                        "error",
                                        "event",
                                        "hello",
                                        "guests",
                                        "status",
                                        "migrate",
                                        "abort",
                                        "set",
                                        "link",
                                        "attach",
                                        "forget",
                                        "quit",
                                        "clock",
                                        "guest",
                                        "memory",
                                        "args",
                                        "move",
                                        "recover",
                                        "moves",
                                        "gateway",
                                        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
                                        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
                                        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
                                        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"};
    const char *word = words[prng_below(random, sizeof words / sizeof *words)];
    size_t at = prng_below(random, bytes->count + 1), end;

    while (at < bytes->count && !isalnum(bytes->data[at]))
        at++;
    for (end = at; end < bytes->count && (isalnum(bytes->data[end]) || bytes->data[end] == '-');)
        end++;
    while (at > 0 && isalnum(bytes->data[at - 1]))
        at--;
    size_t length = strlen(word), behind = bytes->count - end;
    (void)bytes_extend(bytes, length + 1); /* something, even for an empty word */
    memmove(bytes->data + at + length, bytes->data + end, behind);
    memcpy(bytes->data + at, word, length);
    bytes->count = at + length + behind;
}

static inline void change_payload(struct prng *random, struct bytes *payload, bool is_text)
{
    uint8_t noise[64];

    if (is_text && !one_in(random, 4)) {
        for (uint64_t i = prng_below(random, 3) + 1; i > 0; i--)
            change_word(random, payload);
        return;
    }
    switch (prng_below(random, 5)) {
    case 0:
        change_bits(random, payload);
        break;
    case 1:
        change_number(random, payload);
        break;
    case 2:
        payload->count = prng_below(random, payload->count + 1);
        break;
    case 3:
        remove_part(random, payload);
        break;
    default:
        for (size_t i = 0; i < sizeof noise; i++)
            noise[i] = (uint8_t)prng_next(random);
        insert_part(random, payload, noise, prng_below(random, sizeof noise) + 1);
        break;
    }
}

/* With a checksum that is right again. */
static inline void put_changed_frame(struct prng *random, const uint8_t *piece, size_t count,
                                     struct bytes *to)
{
    struct bytes payload = {0};
    struct frame frame;
    size_t consumed;

    enum status status = frame_decode(piece, count, &frame, &consumed);
    MUST(status == STATUS_OK && consumed == count);
    bytes_put(&payload, frame.payload, frame.payload_bytes);
    change_payload(random, &payload, frame.type == FRAME_TALK || frame.type == FRAME_SAVED);
    if (one_in(random, 16))
        frame.type = (enum frame_type)prng_below(random, FRAME_TYPE_COUNT);
    if (one_in(random, 16))
        frame.note = (uint8_t)prng_below(random, 256);
    size_t begin = frame_begin(to, frame.type, frame.note);
    bytes_put(to, payload.data, payload.count < FRAME_PAYLOAD_MAX ? payload.count : 0);
    frame_end(to, begin);
    bytes_fini(&payload);
}

static inline void put_changed(struct prng *random, const struct take *take, const uint8_t *piece,
                               size_t count, struct bytes *to)
{
    struct bytes line = {0};

    if (take->is_framed) {
        put_changed_frame(random, piece, count, to);
        return;
    }
    bytes_put(&line, piece, count);
    change_payload(random, &line, true);
    bytes_put(to, line.data, line.count);
    bytes_fini(&line);
}

/* ---- A stream ---- */

/* Which pieces in which order: how many. */
static inline size_t choose_pieces(struct prng *random, const struct take *take,
                                   size_t order[TAKE_PIECES_MAX])
{
    size_t count = 0, first = 0, end = take->count;

    if (!take->is_whole && take->count > TAKE_WINDOW) {
        first = prng_below(random, take->count);
        end = first + prng_below(random, TAKE_WINDOW) + 1;
        end = end < take->count ? end : take->count;
        if (first > 0 && !one_in(random, 16))
            order[count++] = 0; /* who it is */
    }
    for (size_t i = first; i < end; i++)
        order[count++] = i;
    for (uint64_t i = prng_below(random, 3); i > 0 && count > 1; i--) {
        /* What a session begins with is mostly left where it is: else nothing behind it is heard. */
        size_t fixed = one_in(random, 4) ? 0 : 1;
        size_t a = fixed + prng_below(random, count - fixed);
        size_t b = fixed + prng_below(random, count - fixed), piece = order[a];
        if (one_in(random, 3)) { /* left out */
            memmove(order + a, order + a + 1, (--count - a) * sizeof *order);
        } else { /* instead of another, or each in the other's place */
            order[a] = order[b];
            order[b] = one_in(random, 2) ? piece : order[b];
        }
    }
    return count;
}

/* What a wire may do to bytes that know nothing of it. */
static inline void change_bytes(struct prng *random, struct bytes *bytes)
{
    uint8_t part[256];
    size_t count = bytes->count < sizeof part ? bytes->count : sizeof part;

    if (count == 0)
        return;
    switch (prng_below(random, 4)) {
    case 0:
        remove_part(random, bytes);
        break;
    case 1: /* said twice */
        memcpy(part, bytes->data + prng_below(random, bytes->count - count + 1), count);
        insert_part(random, bytes, part, prng_below(random, count + 1));
        break;
    case 2:
        change_number(random, bytes);
        break;
    default:
        change_bits(random, bytes);
        break;
    }
}

static inline void mutate(struct prng *random, const struct take *take, struct bytes *to)
{
    size_t order[TAKE_PIECES_MAX], count = choose_pieces(random, take, order);
    uint64_t wrong = prng_below(random, 4); /* pieces, on the whole */

    for (size_t i = 0; i < count; i++) {
        size_t piece_bytes;
        const uint8_t *piece = take_piece(take, order[i], &piece_bytes);
        if (prng_below(random, count) < wrong && (i > 0 || one_in(random, 2)))
            put_changed(random, take, piece, piece_bytes, to);
        else
            bytes_put(to, piece, piece_bytes);
    }
    if (one_in(random, 3))
        change_bytes(random, to);
    if (one_in(random, 2))
        to->count = prng_below(random, to->count + 1);
}

#endif
