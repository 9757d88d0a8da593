#include "base/bytes.h"

#include <endian.h>
#include <stdlib.h>
#include <string.h>

#include "base/status.h"

/* No buffer of ours comes near: more is a count that went below zero. Doubling stays defined. */
#define BYTES_MAX (SIZE_MAX / 4)

void bytes_fini(struct bytes *bytes)
{
    free(bytes->data);
    *bytes = (struct bytes){0};
}

void bytes_clear(struct bytes *bytes)
{
    bytes->count = 0;
}

uint8_t *bytes_extend(struct bytes *bytes, size_t count)
{
    if (bytes->data == NULL || bytes->capacity - bytes->count < count) {
        MUST(count <= BYTES_MAX - bytes->count);
        size_t capacity = bytes->capacity * 2 > 256 ? bytes->capacity * 2 : 256;
        while (capacity < bytes->count + count)
            capacity *= 2;
        bytes->data = realloc(bytes->data, capacity);
        MUST(bytes->data != NULL);
        bytes->capacity = capacity;
    }
    bytes->count += count;
    return bytes->data + bytes->count - count;
}

void bytes_drop_front(struct bytes *bytes, size_t count)
{
    MUST(count <= bytes->count);
    if (count == 0)
        return;
    memmove(bytes->data, bytes->data + count, bytes->count - count);
    bytes->count -= count;
}

void bytes_put(struct bytes *bytes, const void *data, size_t count)
{
    if (count > 0)
        memcpy(bytes_extend(bytes, count), data, count);
}

static void put_little_endian(struct bytes *bytes, uint64_t value, size_t count)
{
    uint8_t *at = bytes_extend(bytes, count);
    for (size_t i = 0; i < count; i++)
        at[i] = (uint8_t)(value >> (8 * i));
}

void bytes_put_u8(struct bytes *bytes, uint8_t value)
{
    put_little_endian(bytes, value, 1);
}

void bytes_put_u16(struct bytes *bytes, uint16_t value)
{
    put_little_endian(bytes, value, 2);
}

void bytes_put_u32(struct bytes *bytes, uint32_t value)
{
    put_little_endian(bytes, value, 4);
}

/* These two are called for every page of a terabyte. */
void bytes_put_u64(struct bytes *bytes, uint64_t value)
{
    value = htole64(value);
    memcpy(bytes_extend(bytes, sizeof value), &value, sizeof value);
}

void bytes_put_varint(struct bytes *bytes, uint64_t value)
{
    uint8_t digits[10];
    size_t count = 0;
    for (; value >= 0x80; value >>= 7)
        digits[count++] = (uint8_t)(value | 0x80);
    digits[count++] = (uint8_t)value;
    memcpy(bytes_extend(bytes, count), digits, count);
}

void bytes_reader_init(struct bytes_reader *reader, const void *data, size_t count)
{
    /* So that zero bytes of an empty buffer are something that is there. */
    static const uint8_t nothing[1];
    *reader = (struct bytes_reader){.data = data != NULL ? data : nothing, .count = count};
}

size_t bytes_left(const struct bytes_reader *reader)
{
    return reader->count - reader->position;
}

const uint8_t *bytes_get(struct bytes_reader *reader, size_t count)
{
    if (reader->has_failed || bytes_left(reader) < count) {
        reader->has_failed = true;
        return NULL;
    }
    reader->position += count;
    return reader->data + reader->position - count;
}

static uint64_t get_little_endian(struct bytes_reader *reader, size_t count)
{
    const uint8_t *at = bytes_get(reader, count);
    uint64_t value = 0;
    for (size_t i = 0; at != NULL && i < count; i++)
        value |= (uint64_t)at[i] << (8 * i);
    return value;
}

uint8_t bytes_get_u8(struct bytes_reader *reader)
{
    return (uint8_t)get_little_endian(reader, 1);
}

uint16_t bytes_get_u16(struct bytes_reader *reader)
{
    return (uint16_t)get_little_endian(reader, 2);
}

uint32_t bytes_get_u32(struct bytes_reader *reader)
{
    return (uint32_t)get_little_endian(reader, 4);
}

uint64_t bytes_get_u64(struct bytes_reader *reader)
{
    const uint8_t *at = bytes_get(reader, 8);
    uint64_t value = 0;
    if (at != NULL)
        memcpy(&value, at, sizeof value);
    return le64toh(value);
}

uint64_t bytes_get_varint(struct bytes_reader *reader)
{
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
        uint8_t byte = bytes_get_u8(reader);
        /* The tenth byte has room for the 64th bit alone. */
        if (reader->has_failed || (shift == 63 && byte > 1))
            break;
        value |= (uint64_t)(byte & 0x7f) << shift;
        if ((byte & 0x80) == 0)
            return value;
    }
    reader->has_failed = true;
    return 0;
}

bool bytes_is_done(const struct bytes_reader *reader)
{
    return !reader->has_failed && bytes_left(reader) == 0;
}
