#include "machine/sections.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/digest.h"

#define FORMAT      2
#define TAG_BYTES   4
#define CHECK_BYTES 8

static const char magic[TAG_BYTES + 1] = "FRST";
static const char end_tag[TAG_BYTES + 1] = "END ";

/* ---- Saving ---- */

static void put_section(struct bytes *to, const char *tag, uint16_t version,
                        const struct bytes *body, size_t checked_from)
{
    bytes_put(to, tag, TAG_BYTES);
    bytes_put_u16(to, version);
    bytes_put_u16(to, 0); /* all that we write is needed */
    bytes_put_u32(to, (uint32_t)body->count);
    bytes_put(to, body->data, body->count);
    bytes_put_u64(to, digest_of(to->data + checked_from, to->count - checked_from));
}

void sections_save(const struct section *sections, size_t count, const void *state,
                   struct bytes *to)
{
    size_t begin = to->count;
    struct bytes body = {0};

    bytes_put(to, magic, TAG_BYTES);
    bytes_put_u16(to, FORMAT);
    bytes_put_u16(to, 0);
    for (size_t i = 0; i < count; i++) {
        bytes_clear(&body);
        sections[i].save(state, &body);
        if (sections[i].oldest_version == 0 && body.count == 0)
            continue;
        put_section(to, sections[i].tag, sections[i].version, &body, to->count);
    }
    bytes_clear(&body);
    put_section(to, end_tag, 1, &body, begin);
    bytes_fini(&body);
}

/* ---- Loading ---- */

struct loading {
    struct bytes_reader *from;
    size_t begin;    /* where the state begins in `from` */
    bool has_checks; /* format 2 */
    struct problem *problem;
};

/* One section as it stands there, its checksum seen to be right. */
struct found {
    char tag[TAG_BYTES + 1];
    uint16_t version, flags;
    struct bytes_reader body;
};

/* A stranger's four bytes as something to print. */
static void copy_tag(char tag[TAG_BYTES + 1], const uint8_t *bytes)
{
    for (unsigned i = 0; i < TAG_BYTES; i++)
        tag[i] = bytes[i] >= ' ' && bytes[i] <= '~' ? (char)bytes[i] : '?';
    tag[TAG_BYTES] = '\0';
}

static enum status refuse(const struct loading *loading, const char *tag, const char *why)
{
    return problem_set(loading->problem, STATUS_BAD_STATE, "the saved state: section %.4s %s", tag,
                       why);
}

static enum status read_head(struct loading *loading)
{
    struct bytes_reader *from = loading->from;
    struct bytes_reader ahead = *from;
    const uint8_t *name = bytes_get(&ahead, TAG_BYTES);

    loading->begin = from->position;
    loading->has_checks = name != NULL && memcmp(name, magic, TAG_BYTES) == 0;
    if (!loading->has_checks)
        return STATUS_OK; /* format 1, or nothing that has sections */
    uint16_t format = bytes_get_u16(&ahead);
    uint16_t zero = bytes_get_u16(&ahead);
    if (ahead.has_failed || format != FORMAT || zero != 0)
        return problem_set(loading->problem, STATUS_BAD_STATE,
                           "the saved state has format %u: this program reads 1 and %u", format,
                           FORMAT);
    *from = ahead;
    return STATUS_OK;
}

static bool is_check_right(const struct loading *loading, const struct found *found, size_t begin)
{
    struct bytes_reader *from = loading->from;
    bool is_end = strcmp(found->tag, end_tag) == 0;
    size_t checked_from = is_end ? loading->begin : begin;
    uint64_t check = digest_of(from->data + checked_from, from->position - checked_from);
    return bytes_get_u64(from) == check;
}

/* The length is believed when its bytes are there, and nothing of the section before its checksum.
 */
static enum status read_section(struct loading *loading, struct found *found)
{
    struct bytes_reader *from = loading->from;
    size_t begin = from->position;
    const uint8_t *tag = bytes_get(from, TAG_BYTES);

    if (tag == NULL)
        return problem_set(loading->problem, STATUS_BAD_STATE,
                           "the saved state is cut off at byte %zu: it has no end",
                           from->count - loading->begin);
    copy_tag(found->tag, tag);
    found->version = bytes_get_u16(from);
    found->flags = loading->has_checks ? bytes_get_u16(from) : 0;
    uint32_t length = bytes_get_u32(from);
    const uint8_t *body = bytes_get(from, length);
    if (body == NULL || (loading->has_checks && bytes_left(from) < CHECK_BYTES))
        return refuse(loading, found->tag, "is cut off");
    if (loading->has_checks && !is_check_right(loading, found, begin))
        return refuse(loading, found->tag, "is damaged: its checksum does not fit");
    bytes_reader_init(&found->body, body, length);
    return STATUS_OK;
}

static enum status load_known(const struct loading *loading, const struct section *section,
                              void *state, struct found *found)
{
    char why[160];

    if (found->version < section->oldest_version || found->version > section->version) {
        snprintf(why, sizeof why, "has version %u: this program reads %u to %u", found->version,
                 section->oldest_version, section->version);
        return refuse(loading, found->tag, why);
    }
    const char *objection = section->load(state, found->version, &found->body);
    if (found->body.has_failed)
        objection = "it is too short";
    else if (objection == NULL && bytes_left(&found->body) > 0)
        objection = "it is too long";
    if (objection == NULL)
        return STATUS_OK;
    snprintf(why, sizeof why, "does not fit: %s", objection);
    return refuse(loading, found->tag, why);
}

/* Which of the table it is; `count` when it is none of them. */
static size_t row_of(const struct section *sections, size_t count, const char *tag)
{
    size_t row = 0;
    while (row < count && strcmp(sections[row].tag, tag) != 0)
        row++;
    return row;
}

/* Sections that the state does without, from row `next` on and before row `row`: those of which
 * that is known. Returns the row that must come now. */
static size_t pass_absent(const struct section *sections, size_t next, size_t row, void *state)
{
    for (; next < row && sections[next].oldest_version == 0; next++) {
        struct bytes_reader nothing;
        bytes_reader_init(&nothing, NULL, 0);
        const char *objection = sections[next].load(state, 0, &nothing);
        MUST(objection == NULL && !nothing.has_failed);
    }
    return next;
}

static enum status check_end(const struct loading *loading, struct found *end)
{
    if (end->version != 1 || end->flags != 0 || bytes_left(&end->body) > 0)
        return refuse(loading, end_tag, "is not an end");
    if (bytes_left(loading->from) > 0)
        return problem_set(loading->problem, STATUS_BAD_STATE,
                           "the saved state: %zu bytes stand behind its end",
                           bytes_left(loading->from));
    return STATUS_OK;
}

static enum status read_sections(struct loading *loading, const struct section *sections,
                                 size_t count, void *state)
{
    struct found found;
    size_t next = 0; /* the row that is due */

    for (;;) {
        enum status status = read_section(loading, &found);
        if (status != STATUS_OK)
            return status;
        bool is_end = strcmp(found.tag, end_tag) == 0;
        size_t row = is_end ? count : row_of(sections, count, found.tag);
        if (!is_end && row == count && (found.flags & SECTION_OPTIONAL) != 0)
            continue;
        if (!is_end && row == count)
            return refuse(loading, found.tag, "is not known here, and is not optional");
        if (row < next)
            return refuse(loading, found.tag, "comes twice");
        next = pass_absent(sections, next, row, state);
        if (row > next)
            return refuse(loading, sections[next].tag, "is missing, or not in its place");
        if (is_end)
            return check_end(loading, &found);
        status = load_known(loading, &sections[row], state, &found);
        if (status != STATUS_OK)
            return status;
        next = row + 1;
    }
}

enum status sections_load(const struct section *sections, size_t count, void *state,
                          struct bytes_reader *from, struct problem *problem)
{
    struct loading loading = {.from = from, .problem = problem};
    enum status status = read_head(&loading);

    return status == STATUS_OK ? read_sections(&loading, sections, count, state) : status;
}

bool sections_next(struct bytes_reader *from, char tag[TAG_BYTES + 1], uint32_t *body_bytes)
{
    if (from->position == 0)
        bytes_get(from, TAG_BYTES + 2 + 2);
    const uint8_t *bytes = bytes_get(from, TAG_BYTES);
    if (bytes == NULL)
        return false;
    copy_tag(tag, bytes);
    bytes_get_u16(from);
    bytes_get_u16(from);
    *body_bytes = bytes_get_u32(from);
    bytes_get(from, *body_bytes);
    bytes_get_u64(from);
    return !from->has_failed && strcmp(tag, end_tag) != 0;
}
