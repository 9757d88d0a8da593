#include "machine/gdb_packet.h"

#include <string.h>

#define INTERRUPT    0x03
#define ESCAPE       '}'
#define ESCAPED_BIT  0x20
#define FRAME_DIGITS 2

void gdb_packets_init(struct gdb_packets *packets)
{
    *packets = (struct gdb_packets){.input_count = 0};
}

void gdb_packets_fini(struct gdb_packets *packets)
{
    bytes_fini(&packets->output);
    bytes_fini(&packets->last);
}

size_t gdb_packets_receive(struct gdb_packets *packets, const uint8_t *bytes, size_t count)
{
    size_t room = GDB_INPUT_MAX - packets->input_count;
    size_t taken = count < room ? count : room;
    memcpy(packets->input + packets->input_count, bytes, taken);
    packets->input_count += taken;
    return taken;
}

static void drop(struct gdb_packets *packets, size_t count)
{
    packets->input_count -= count;
    memmove(packets->input, packets->input + count, packets->input_count);
}

int gdb_digit(uint8_t byte)
{
    if (byte >= '0' && byte <= '9')
        return byte - '0';
    byte |= 0x20; /* a small letter */
    return byte >= 'a' && byte <= 'f' ? byte - 'a' + 10 : -1;
}

void gdb_put_hex(struct bytes *to, const void *data, size_t count)
{
    static const char digits[] = "0123456789abcdef";
    const uint8_t *bytes = data;
    for (size_t i = 0; i < count; i++) {
        bytes_put_u8(to, (uint8_t)digits[bytes[i] >> 4]);
        bytes_put_u8(to, (uint8_t)digits[bytes[i] & 15]);
    }
}

static void acknowledge(struct gdb_packets *packets, char sign)
{
    if (!packets->has_no_acks)
        bytes_put_u8(&packets->output, (uint8_t)sign);
}

/* Undoes the escapes. False: it ends within one. */
static bool unescape(struct gdb_packets *packets, const uint8_t *bytes, size_t count)
{
    packets->payload_count = 0;
    for (size_t i = 0; i < count; i++) {
        uint8_t byte = bytes[i];
        if (byte == ESCAPE) {
            if (++i == count)
                return false;
            byte = bytes[i] ^ ESCAPED_BIT;
        }
        packets->payload[packets->payload_count++] = byte;
    }
    packets->payload[packets->payload_count] = '\0';
    return true;
}

/* The rest of a packet that was too long goes, as far as it has come: to its '#', for the digits
 * behind that are no signs of the protocol, or to where another packet begins. */
static void pass_over(struct gdb_packets *packets)
{
    size_t end = 0;
    while (end < packets->input_count && packets->input[end] != '#' && packets->input[end] != '$')
        end++;
    packets->is_passing_over = end == packets->input_count;
    drop(packets, end);
}

/* The input begins with '$'. True when it held a sound packet; all that was read is dropped. */
static bool take_packet(struct gdb_packets *packets, bool *is_waiting)
{
    const uint8_t *input = packets->input;
    size_t end = 1;
    uint8_t sum = 0;

    *is_waiting = false;
    while (end < packets->input_count && input[end] != '#' && input[end] != '$') {
        sum = (uint8_t)(sum + input[end]);
        end++;
    }
    if (end > GDB_PACKET_MAX + 1 || (end < packets->input_count && input[end] == '$')) {
        drop(packets, end); /* too long, or broken off by the next one */
        packets->is_passing_over = end > GDB_PACKET_MAX + 1;
        acknowledge(packets, '-');
        return false;
    }
    if (end + FRAME_DIGITS >= packets->input_count) {
        *is_waiting = true;
        return false;
    }
    int high = gdb_digit(input[end + 1]), low = gdb_digit(input[end + 2]);
    bool is_sound =
        high >= 0 && low >= 0 && high * 16 + low == sum && unescape(packets, input + 1, end - 1);
    drop(packets, end + 1 + FRAME_DIGITS);
    acknowledge(packets, is_sound ? '+' : '-');
    return is_sound;
}

enum gdb_input gdb_packets_next(struct gdb_packets *packets)
{
    while (packets->input_count > 0) {
        bool is_waiting;
        if (packets->is_passing_over) {
            pass_over(packets);
            continue;
        }
        switch (packets->input[0]) {
        case '$':
            if (take_packet(packets, &is_waiting))
                return GDB_INPUT_PACKET;
            if (is_waiting)
                return GDB_INPUT_NONE;
            continue;
        case INTERRUPT:
            drop(packets, 1);
            return GDB_INPUT_INTERRUPT;
        case '-':
            if (!packets->has_no_acks)
                bytes_put(&packets->output, packets->last.data, packets->last.count);
            break;
        default: /* '+', or no sign of the protocol */
            break;
        }
        drop(packets, 1);
    }
    return GDB_INPUT_NONE;
}

bool gdb_packets_take_interrupt(struct gdb_packets *packets)
{
    if (packets->is_passing_over)
        pass_over(packets);
    while (packets->input_count > 0 && packets->input[0] != '$') {
        bool is_interrupt = packets->input[0] == INTERRUPT;
        drop(packets, 1);
        if (is_interrupt)
            return true;
    }
    return false;
}

void gdb_packets_put(struct gdb_packets *packets, const void *payload, size_t count)
{
    const uint8_t *bytes = payload;
    uint8_t sum = 0;

    bytes_clear(&packets->last);
    bytes_put_u8(&packets->last, '$');
    for (size_t i = 0; i < count; i++) {
        uint8_t byte = bytes[i];
        if (byte == '$' || byte == '#' || byte == ESCAPE || byte == '*') {
            bytes_put_u8(&packets->last, ESCAPE);
            sum = (uint8_t)(sum + ESCAPE);
            byte ^= ESCAPED_BIT;
        }
        bytes_put_u8(&packets->last, byte);
        sum = (uint8_t)(sum + byte);
    }
    bytes_put_u8(&packets->last, '#');
    gdb_put_hex(&packets->last, &sum, sizeof sum);
    bytes_put(&packets->output, packets->last.data, packets->last.count);
}
