/* web_request: one HTTP request out of received bytes (RFC 9112, HTTP/1.1), and what is wrong with
 * it.
 *
 *      GET /counter HTTP/1.1\r\n          the request line
 *      Host: ferry\r\n                    header fields, each a line
 *      Content-Length: 5\r\n
 *      \r\n                               an empty line ends the head
 *      12345                              the body; nobody here wants one: it is skipped
 *
 * Nothing is remembered between calls of parse_head: a head that is not complete is read again from
 * its beginning when more has come. A body is never stored: body_skip counts it off as it passes.
 *
 * Part of web.c, which is one program in two files. */
#ifndef GUESTS_WEB_REQUEST_H
#define GUESTS_WEB_REQUEST_H

#include "runtime.h"

#define TARGET_MAX    1024          /* bytes of the part behind the method; more is 414 */
#define BODY_MAX      (1024 * 1024) /* bytes; more is 413 */
#define CHUNK_HEX_MAX 8             /* digits of a chunk's size: more than BODY_MAX needs */

struct text {
    const char *at;
    uint32_t count;
};

static bool text_is(struct text text, const char *word)
{
    return text.count == strlen(word) && memcmp(text.at, word, text.count) == 0;
}

/* Header names and their values' keywords are the same in small letters and capitals. */
static bool text_is_any_case(struct text text, const char *word)
{
    uint32_t i = 0;
    for (; i < text.count && word[i] != '\0'; i++) {
        char c = text.at[i];
        if (c >= 'A' && c <= 'Z')
            c = (char)(c | 0x20);
        if (c != word[i])
            return false;
    }
    return i == text.count && word[i] == '\0';
}

struct head {
    uint32_t bytes;  /* all of it, with the empty line */
    uint32_t status; /* 0: sound; else what to answer, and to hang up afterwards */
    struct text method, target;
    bool is_kept; /* the connection goes on afterwards */
    bool is_old;  /* HTTP/1.0 */
    bool wants_continue;
    bool is_chunked, has_length;
    uint64_t body_bytes;
    uint32_t host_count;
};

/* ---- Characters (RFC 9110, section 5.6.2) ---- */

static bool is_token_character(char c)
{
    if ((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'))
        return true;
    for (const char *at = "!#$%&'*+-.^_`|~"; *at != '\0'; at++)
        if (*at == c)
            return true;
    return false;
}

static bool is_token(struct text text)
{
    for (uint32_t i = 0; i < text.count; i++)
        if (!is_token_character(text.at[i]))
            return false;
    return text.count > 0;
}

/* Visible, or a byte of UTF-8, and in a field's value a blank or tab: nothing that ends a line. */
static bool is_plain(struct text text, bool may_have_blanks)
{
    for (uint32_t i = 0; i < text.count; i++) {
        uint8_t c = (uint8_t)text.at[i];
        bool is_blank = c == ' ' || c == '\t';
        if (is_blank ? !may_have_blanks : c < ' ' || c == 0x7f)
            return false;
    }
    return true;
}

static struct text trim(struct text text)
{
    while (text.count > 0 && (text.at[0] == ' ' || text.at[0] == '\t'))
        text = (struct text){text.at + 1, text.count - 1};
    while (text.count > 0 && (text.at[text.count - 1] == ' ' || text.at[text.count - 1] == '\t'))
        text.count--;
    return text;
}

/* The part before the first `mark`, which is taken off with it. */
static struct text cut(struct text *rest, char mark)
{
    struct text part = {rest->at, 0};
    while (part.count < rest->count && part.at[part.count] != mark)
        part.count++;
    uint32_t used = part.count < rest->count ? part.count + 1 : part.count;
    *rest = (struct text){rest->at + used, rest->count - used};
    return part;
}

/* ---- The head ---- */

static void parse_request_line(struct head *head, struct text line)
{
    struct text version;

    head->method = cut(&line, ' ');
    head->target = cut(&line, ' ');
    version = line;
    if (!is_token(head->method) || head->target.count == 0 || !is_plain(head->target, false)) {
        head->status = 400;
    } else if (head->target.count > TARGET_MAX) {
        head->status = 414;
    } else if (version.count != 8 || memcmp(version.at, "HTTP/", 5) != 0 || version.at[6] != '.' ||
               version.at[5] < '0' || version.at[5] > '9' || version.at[7] < '0' ||
               version.at[7] > '9') {
        head->status = 400;
    } else if (version.at[5] != '1') {
        head->status = 505;
    } else {
        head->is_old = version.at[7] == '0';
        head->is_kept = !head->is_old;
    }
}

static void parse_length(struct head *head, struct text value)
{
    uint64_t bytes = 0;

    for (uint32_t i = 0; i < value.count; i++) {
        if (value.at[i] < '0' || value.at[i] > '9')
            head->status = 400;
        else if (bytes <= BODY_MAX)
            bytes = bytes * 10 + (uint64_t)(value.at[i] - '0');
    }
    if (value.count == 0 || (head->has_length && head->body_bytes != bytes))
        head->status = 400;
    else if (bytes > BODY_MAX && head->status == 0)
        head->status = 413;
    head->has_length = true;
    head->body_bytes = bytes;
}

static void parse_connection(struct head *head, struct text value)
{
    while (value.count > 0) {
        struct text word = trim(cut(&value, ','));
        if (text_is_any_case(word, "close"))
            head->is_kept = false;
        else if (text_is_any_case(word, "keep-alive"))
            head->is_kept = true;
    }
}

static void parse_field(struct head *head, struct text line)
{
    struct text name = cut(&line, ':');
    struct text value = trim(line);

    /* No blank before the colon, and no line that continues the one before: both have served to
     * smuggle requests past somebody who read them otherwise. */
    if (!is_token(name) || name.at + name.count == line.at || !is_plain(value, true)) {
        head->status = 400;
    } else if (text_is_any_case(name, "host")) {
        head->host_count++;
    } else if (text_is_any_case(name, "content-length")) {
        parse_length(head, value);
    } else if (text_is_any_case(name, "transfer-encoding")) {
        head->is_chunked = text_is_any_case(value, "chunked");
        if (!head->is_chunked && head->status == 0)
            head->status = 501;
    } else if (text_is_any_case(name, "connection")) {
        parse_connection(head, value);
    } else if (text_is_any_case(name, "expect")) {
        head->wants_continue = true;
    }
}

/* Reads a head from the front. False when its end has not come yet. */
static bool parse_head(struct head *head, const uint8_t *bytes, uint32_t count)
{
    struct text rest = {(const char *)bytes, count};
    bool is_first = true;

    *head = (struct head){0};
    for (;;) {
        const char *line_end = rest.at;
        while (line_end < (const char *)bytes + count && *line_end != '\n')
            line_end++;
        if (line_end == (const char *)bytes + count)
            return false;
        struct text line = cut(&rest, '\n');
        if (line.count > 0 && line.at[line.count - 1] == '\r')
            line.count--;
        if (line.count == 0 && !is_first)
            break;
        if (is_first)
            parse_request_line(head, line);
        else
            parse_field(head, line);
        is_first = false;
        if (head->status != 0)
            break; /* the rest is not read any more */
    }
    head->bytes = (uint32_t)(rest.at - (const char *)bytes);
    if (head->status == 0 && (head->host_count > 1 || (!head->is_old && head->host_count == 0) ||
                              (head->is_chunked && (head->has_length || head->is_old))))
        head->status = 400;
    return true;
}

/* ---- The body ---- */

enum body_state {
    BODY_NONE,
    BODY_COUNTED,   /* `left` bytes, and it is over */
    BODY_SIZE,      /* chunked: in the line with a chunk's size */
    BODY_EXTENSION, /* behind the size, up to the end of the line */
    BODY_CHUNK,     /* `left` bytes of a chunk */
    BODY_CHUNK_END, /* the line end behind a chunk */
    BODY_TRAILER,   /* behind the last chunk: lines up to an empty one */
    BODY_WRONG,     /* no chunk can look so, or it is too long */
};

struct body {
    enum body_state state;
    uint64_t left, total;
    uint32_t digits;
    bool has_text; /* in the present line of the trailer */
};

static int hex_of(uint8_t c)
{
    return c >= '0' && c <= '9'                     ? c - '0'
           : (c | 0x20) >= 'a' && (c | 0x20) <= 'f' ? (c | 0x20) - 'a' + 10
                                                    : -1;
}

static void end_size_line(struct body *body)
{
    body->total += body->left;
    body->has_text = false;
    body->state = body->digits == 0 || body->total > BODY_MAX ? BODY_WRONG
                  : body->left == 0                           ? BODY_TRAILER
                                                              : BODY_CHUNK;
    body->digits = 0;
}

static void take_chunk_byte(struct body *body, uint8_t c)
{
    switch (body->state) {
    case BODY_SIZE:
        if (hex_of(c) >= 0 && body->digits < CHUNK_HEX_MAX) {
            body->left = body->left * 16 + (uint64_t)hex_of(c);
            body->digits++;
        } else if (c == '\n') {
            end_size_line(body);
        } else if (c == '\r' || c == ';' || c == ' ' || c == '\t') {
            body->state = BODY_EXTENSION;
        } else {
            body->state = BODY_WRONG;
        }
        break;
    case BODY_EXTENSION:
        if (c == '\n')
            end_size_line(body);
        break;
    case BODY_CHUNK_END:
        if (c == '\n')
            body->state = BODY_SIZE;
        else if (c != '\r')
            body->state = BODY_WRONG;
        break;
    default: /* BODY_TRAILER */
        if (c == '\n' && !body->has_text)
            body->state = BODY_NONE;
        else if (c != '\r')
            body->has_text = c != '\n';
        break;
    }
}

/* Returns how many bytes it passed over; the body is over when its state is BODY_NONE. */
static uint32_t body_skip(struct body *body, const uint8_t *bytes, uint32_t count)
{
    uint32_t at = 0;

    while (at < count && body->state != BODY_NONE && body->state != BODY_WRONG) {
        if (body->state == BODY_COUNTED || body->state == BODY_CHUNK) {
            uint64_t part = count - at < body->left ? count - at : body->left;
            at += (uint32_t)part;
            body->left -= part;
            if (body->left == 0)
                body->state = body->state == BODY_CHUNK ? BODY_CHUNK_END : BODY_NONE;
        } else {
            take_chunk_byte(body, bytes[at++]);
        }
    }
    return at;
}

static struct body body_of(const struct head *head)
{
    if (head->is_chunked)
        return (struct body){.state = BODY_SIZE};
    return (struct body){.state = head->body_bytes > 0 ? BODY_COUNTED : BODY_NONE,
                         .left = head->body_bytes};
}

#endif
