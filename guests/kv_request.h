/* kv_request: one request out of a buffer of received bytes, in either form of RESP, the Redis
 * protocol (redis.io, "Redis serialization protocol specification"):
 *
 *   *2\r\n  $3\r\nGET\r\n  $5\r\ncolor\r\n      an array of byte strings, each with its length
 *   GET color\r\n                              a line of words ("inline")
 *
 * Nothing is remembered between calls: a request that is not complete is read again from its
 * beginning when more has arrived. That is cheap, because the strings themselves are skipped by
 * their length, and it leaves no half-read state that could go wrong. The words point into the
 * buffer; nothing is copied, and nothing is allocated for what a client merely claims. */
#ifndef GUESTS_KV_REQUEST_H
#define GUESTS_KV_REQUEST_H

#include "kv_store.h"

#define REQUEST_WORDS_MAX 256            /* of one request */
#define REQUEST_WORD_MAX  (1024 * 1024)  /* bytes of one word: the largest value */
#define REQUEST_LINE_MAX  2048           /* bytes of an inline request */
#define REQUEST_BYTES_MAX HEAP_BLOCK_MAX /* of a whole request: it lies in one block */

struct request {
    uint32_t word_count; /* 0: an empty line, to be ignored */
    struct slice words[REQUEST_WORDS_MAX];
};

enum parsed {
    PARSED_WHOLE,
    PARSED_PART,  /* needs more bytes */
    PARSED_WRONG, /* breaks the protocol: `error` says how */
};

/* What is being read: from `at` to `end`. */
struct cursor {
    const uint8_t *at, *end;
    const char *error;
};

static enum parsed wrong(struct cursor *cursor, const char *error)
{
    cursor->error = error;
    return PARSED_WRONG;
}

/* A number and the end of its line. The cursor stands behind the mark ('*' or '$'). */
static enum parsed parse_count(struct cursor *cursor, int64_t *number, const char *error)
{
    const uint8_t *at = cursor->at;
    bool is_negative = at < cursor->end && *at == '-';
    int64_t value = 0;
    const uint8_t *first = at += is_negative;

    for (; at < cursor->end && *at >= '0' && *at <= '9'; at++) {
        if (at - first >= 10)
            return wrong(cursor, error);
        value = value * 10 + (*at - '0');
    }
    if (at == cursor->end || (at + 1 == cursor->end && *at == '\r'))
        return PARSED_PART;
    if (at == first || at[0] != '\r' || at[1] != '\n')
        return wrong(cursor, error);
    cursor->at = at + 2;
    *number = is_negative ? -value : value;
    return PARSED_WHOLE;
}

static enum parsed parse_word(struct cursor *cursor, struct slice *word)
{
    static char unexpected[] = "Protocol error: expected '$', got '?'";
    int64_t count;
    enum parsed parsed;

    if (cursor->at == cursor->end)
        return PARSED_PART;
    if (*cursor->at != '$') {
        bool is_printable = *cursor->at >= ' ' && *cursor->at <= '~';
        unexpected[sizeof unexpected - 3] = is_printable ? (char)*cursor->at : '?';
        return wrong(cursor, unexpected);
    }
    cursor->at++;
    parsed = parse_count(cursor, &count, "Protocol error: invalid bulk length");
    if (parsed != PARSED_WHOLE)
        return parsed;
    if (count < 0 || count > REQUEST_WORD_MAX)
        return wrong(cursor, "Protocol error: invalid bulk length");
    if (cursor->end - cursor->at < count + 2)
        return PARSED_PART;
    *word = (struct slice){cursor->at, (uint32_t)count};
    cursor->at += count + 2;
    if (cursor->at[-2] != '\r' || cursor->at[-1] != '\n')
        return wrong(cursor, "Protocol error: expected the end of a bulk string");
    return PARSED_WHOLE;
}

static enum parsed parse_array(struct cursor *cursor, struct request *request)
{
    const char *error = "Protocol error: invalid multibulk length";
    int64_t count;
    enum parsed parsed;

    cursor->at++;
    parsed = parse_count(cursor, &count, error);
    if (parsed != PARSED_WHOLE)
        return parsed;
    if (count > REQUEST_WORDS_MAX)
        return wrong(cursor, error);
    for (int64_t i = 0; i < count; i++) {
        parsed = parse_word(cursor, &request->words[i]);
        if (parsed != PARSED_WHOLE)
            return parsed;
    }
    request->word_count = count > 0 ? (uint32_t)count : 0;
    return PARSED_WHOLE;
}

static enum parsed parse_line(struct cursor *cursor, struct request *request)
{
    const uint8_t *at = cursor->at, *line_end = at;

    while (line_end < cursor->end && *line_end != '\n')
        line_end++;
    if (line_end - at > REQUEST_LINE_MAX)
        return wrong(cursor, "Protocol error: too big inline request");
    if (line_end == cursor->end)
        return PARSED_PART;
    request->word_count = 0;
    while (at < line_end) {
        const uint8_t *word = at;
        for (; at < line_end; at++)
            if (*at <= ' ')
                break;
        if (at > word && request->word_count == REQUEST_WORDS_MAX)
            return wrong(cursor, "Protocol error: too many words in an inline request");
        if (at > word)
            request->words[request->word_count++] = (struct slice){word, (uint32_t)(at - word)};
        while (at < line_end && *at <= ' ')
            at++;
    }
    cursor->at = line_end + 1;
    return PARSED_WHOLE;
}

/* Reads one request; after PARSED_WHOLE the cursor stands behind it. */
static enum parsed parse_request(struct cursor *cursor, struct request *request)
{
    if (cursor->at == cursor->end)
        return PARSED_PART;
    return *cursor->at == '*' ? parse_array(cursor, request) : parse_line(cursor, request);
}

#endif
