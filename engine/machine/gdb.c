#include "machine/gdb_private.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "machine/board.h"
#include "machine/gdb_registers.h"
#include "machine/hart.h"

#define TEXT_MAX 256

/* What GDB calls signals, whatever the host's numbers are (include/gdb/signals.def). */
#define SIGNAL_INT  2
#define SIGNAL_ILL  4
#define SIGNAL_TRAP 5
#define SIGNAL_BUS  10
#define SIGNAL_SEGV 11

void gdb_init(struct gdb *gdb, struct debug *debug, const struct lines *lines)
{
    *gdb = (struct gdb){.debug = debug, .lines = lines, .no_way_back = "", .words = ""};
    gdb_packets_init(&gdb->packets);
    gdb->step_hart = DEBUG_NO_HART;
    gdb->chosen_hart = debug->stop.hart_idx;
}

void gdb_fini(struct gdb *gdb)
{
    gdb_packets_fini(&gdb->packets);
}

size_t gdb_receive(struct gdb *gdb, const uint8_t *bytes, size_t count)
{
    return gdb_packets_receive(&gdb->packets, bytes, count);
}

struct bytes *gdb_output(struct gdb *gdb)
{
    return &gdb->packets.output;
}

/* ---- Answers ---- */

void gdb_say(struct gdb *gdb, const char *format, ...)
{
    char text[TEXT_MAX];
    va_list arguments;
    va_start(arguments, format);
    int count = vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    MUST(count >= 0 && count < TEXT_MAX);
    gdb_packets_put(&gdb->packets, text, (size_t)count);
}

void gdb_put_text(struct bytes *to, const char *text)
{
    bytes_put(to, text, strlen(text));
}

void gdb_say_bytes(struct gdb *gdb, struct bytes *reply)
{
    gdb_packets_put(&gdb->packets, reply->data, reply->count);
    bytes_fini(reply);
}

void gdb_answer(struct gdb *gdb, const char *text)
{
    struct bytes reply = {0};
    gdb_put_hex(&reply, text, strlen(text));
    if (reply.count == 0)
        gdb_put_text(&reply, "OK");
    gdb_say_bytes(gdb, &reply);
}

/* A thread: a hart's number plus 1. -1 is all of them and 0 any: `fallback`. */
static uint32_t take_thread(struct gdb_words *words, const struct guest *guest, uint32_t fallback)
{
    if (gdb_words_take(words, '-')) {
        words->has_failed |= gdb_words_number(words) != 1;
        return fallback;
    }
    uint64_t thread = gdb_words_number(words);
    if (thread > debug_hart_count(guest))
        words->has_failed = true;
    return thread == 0 || words->has_failed ? fallback : (uint32_t)thread - 1;
}

/* ---- How it stands ---- */

static int signal_of(const struct gdb *gdb, const struct guest *guest)
{
    if (gdb->debug->stop.reason == DEBUG_ASKED && gdb->is_interrupted)
        return SIGNAL_INT;
    if (gdb->debug->stop.reason != DEBUG_CRASHED)
        return SIGNAL_TRAP;
    switch (machine_of_const(guest)->exit_status) {
    case FAULT_ILLEGAL:
        return SIGNAL_ILL;
    case FAULT_BREAKPOINT:
        return SIGNAL_TRAP;
    case FAULT_LOAD_MISALIGNED:
    case FAULT_ATOMIC_MISALIGNED:
        return SIGNAL_BUS;
    default:
        return SIGNAL_SEGV;
    }
}

static void say_stop(struct gdb *gdb, const struct guest *guest)
{
    static const char *const watches[] = {
        [DEBUG_WRITE] = "watch", [DEBUG_READ] = "rwatch", [DEBUG_ACCESS] = "awatch"};
    const struct debug_stop *stop = &gdb->debug->stop;
    char why[64] = "";

    if (stop->reason == DEBUG_BEGIN)
        snprintf(why, sizeof why, "replaylog:begin;");
    else if (stop->reason == DEBUG_POINT && stop->point.kind == DEBUG_BREAK)
        snprintf(why, sizeof why, "%s", gdb->knows_swbreak ? "swbreak:;" : "");
    else if (stop->reason == DEBUG_POINT && stop->point.kind == DEBUG_HARD_BREAK)
        snprintf(why, sizeof why, "%s", gdb->knows_hwbreak ? "hwbreak:;" : "");
    else if (stop->reason == DEBUG_POINT)
        snprintf(why, sizeof why, "%s:%llx;", watches[stop->point.kind],
                 (unsigned long long)stop->address);
    gdb_say(gdb, "T%02xthread:%x;%s", signal_of(gdb, guest), stop->hart_idx + 1, why);
}

void gdb_tell_stop(struct gdb *gdb, const struct guest *guest)
{
    if (!gdb->is_running)
        return;
    gdb->is_running = false;
    gdb->chosen_hart = gdb->debug->stop.hart_idx;
    say_stop(gdb, guest);
}

void gdb_tell_end(struct gdb *gdb, const struct guest_run *run)
{
    gdb->has_ended = true;
    if (!gdb->is_running)
        return;
    gdb->is_running = false;
    if (run->is_fault)
        gdb_say(gdb, "X%02x", SIGNAL_SEGV);
    else
        gdb_say(gdb, "W%02x", (unsigned)(run->status & 0xff));
}

/* ---- Registers and memory ---- */

static void say_ok_or(struct gdb *gdb, bool is_ok, const char *error)
{
    gdb_say(gdb, "%s", is_ok ? "OK" : error);
}

static void read_registers(struct gdb *gdb, struct guest *guest)
{
    struct bytes reply = {0};
    for (uint32_t i = 0; i < GDB_REGISTER_COUNT; i++) {
        uint64_t value = 0;
        MUST(gdb_register_read(guest, gdb->chosen_hart, i, &value));
        gdb_put_hex(&reply, &value, sizeof value);
    }
    gdb_say_bytes(gdb, &reply);
}

/* A pc that was set by hand is a place to stop at like any other, where its hart comes next. */
static bool set_register(struct gdb *gdb, struct guest *guest, uint32_t hart_idx, uint32_t number,
                         uint64_t value)
{
    if (!gdb_register_write(guest, hart_idx, number, value))
        return false;
    gdb->has_changed = true;
    gdb->debug->is_moved |=
        number == GDB_REGISTER_PC && hart_idx == machine_of_const(guest)->turn_hart_idx;
    return true;
}

static void write_registers(struct gdb *gdb, struct guest *guest, struct gdb_words *words)
{
    uint64_t values[GDB_REGISTER_COUNT];
    size_t count = gdb_words_hex(words, (uint8_t *)values, sizeof values);
    uint64_t pc = 0;
    bool is_ok =
        count == sizeof values && gdb_words_are_read(words) && values[GDB_REGISTER_PC] % 2 == 0;
    MUST(gdb_register_read(guest, gdb->chosen_hart, GDB_REGISTER_PC, &pc));
    for (uint32_t i = 1; is_ok && i < GDB_REGISTER_COUNT; i++)
        if (i != GDB_REGISTER_PC || values[i] != pc) /* all are sent to change one */
            MUST(set_register(gdb, guest, gdb->chosen_hart, i, values[i]));
    say_ok_or(gdb, is_ok, ERROR_USAGE);
}

static void read_register(struct gdb *gdb, struct guest *guest, struct gdb_words *words)
{
    uint64_t number = gdb_words_number(words), value = 0;
    struct bytes reply = {0};
    if (!gdb_words_are_read(words) || number > UINT32_MAX ||
        !gdb_register_read(guest, gdb->chosen_hart, (uint32_t)number, &value)) {
        gdb_say(gdb, ERROR_USAGE);
        return;
    }
    gdb_put_hex(&reply, &value, sizeof value);
    gdb_say_bytes(gdb, &reply);
}

static void write_register(struct gdb *gdb, struct guest *guest, struct gdb_words *words)
{
    uint64_t number = gdb_words_number(words), value = 0;
    gdb_words_expect(words, '=');
    size_t count = gdb_words_hex(words, (uint8_t *)&value, sizeof value);
    bool is_ok = count == sizeof value && gdb_words_are_read(words) && number <= UINT32_MAX &&
                 set_register(gdb, guest, gdb->chosen_hart, (uint32_t)number, value);
    say_ok_or(gdb, is_ok, ERROR_USAGE);
}

static void read_memory(struct gdb *gdb, struct guest *guest, struct gdb_words *words)
{
    uint8_t data[GDB_PACKET_MAX / 2];
    struct bytes reply = {0};
    uint64_t address = gdb_words_number(words);
    gdb_words_expect(words, ',');
    uint64_t count = gdb_words_number(words);
    if (!gdb_words_are_read(words)) {
        gdb_say(gdb, ERROR_USAGE);
        return;
    }
    count = debug_read(guest, address, data, count < sizeof data ? count : sizeof data);
    if (count == 0) {
        gdb_say(gdb, ERROR_MEMORY);
        return;
    }
    gdb_put_hex(&reply, data, count);
    gdb_say_bytes(gdb, &reply);
}

/* M: two digits a byte; X: the bytes themselves. */
static void write_memory(struct gdb *gdb, struct guest *guest, struct gdb_words *words,
                         bool is_binary)
{
    uint8_t data[GDB_PACKET_MAX];
    uint64_t address = gdb_words_number(words);
    gdb_words_expect(words, ',');
    uint64_t count = gdb_words_number(words);
    gdb_words_expect(words, ':');
    uint64_t given = is_binary ? (uint64_t)(words->end - words->at) : 0;
    if (!is_binary)
        given = gdb_words_hex(words, data, sizeof data);
    else if (!words->has_failed)
        memcpy(data, words->at, given);
    if (words->has_failed || given != count) {
        gdb_say(gdb, ERROR_USAGE);
        return;
    }
    bool is_ok = debug_write(guest, address, data, count);
    gdb->has_changed |= is_ok && count > 0;
    say_ok_or(gdb, is_ok, ERROR_MEMORY);
}

/* Z and z: the number is that of our kinds. */
static void change_point(struct gdb *gdb, struct gdb_words *words, bool is_new)
{
    _Static_assert(DEBUG_BREAK == 0 && DEBUG_HARD_BREAK == 1 && DEBUG_WRITE == 2 &&
                       DEBUG_READ == 3 && DEBUG_ACCESS == 4,
                   "as GDB numbers them");
    struct debug_point point;
    uint64_t type = gdb_words_number(words);
    gdb_words_expect(words, ',');
    point.address = gdb_words_number(words);
    gdb_words_expect(words, ',');
    point.byte_count = gdb_words_number(words);
    if (words->has_failed || type > DEBUG_ACCESS) {
        gdb_say(gdb, "%s", words->has_failed ? ERROR_USAGE : "");
        return;
    }
    point.kind = (enum debug_kind)type;
    if (is_new)
        say_ok_or(gdb, debug_add(gdb->debug, &point), ERROR_NO_ROOM);
    else {
        (void)!debug_remove(gdb->debug, &point);
        gdb_say(gdb, "OK");
    }
}

/* ---- Going on ---- */

static enum gdb_action go(struct gdb *gdb, enum gdb_action action, uint32_t step_hart)
{
    gdb->acting_hart = step_hart;
    return action;
}

static uint32_t hart_to_step(const struct gdb *gdb)
{
    return gdb->step_hart != DEBUG_NO_HART ? gdb->step_hart : gdb->debug->stop.hart_idx;
}

/* c, s, C and S: an address or a signal may follow; signals mean nothing to a guest. */
static enum gdb_action go_on_old(struct gdb *gdb, struct guest *guest, struct gdb_words *words,
                                 uint8_t command)
{
    bool is_step = command == 's' || command == 'S', has_signal = command < 'a';
    if (has_signal)
        (void)gdb_words_number(words);
    if (words->at < words->end && (!has_signal || gdb_words_take(words, ';'))) {
        uint64_t pc = gdb_words_number(words);
        words->has_failed |= !gdb_words_are_read(words) ||
                             !set_register(gdb, guest, hart_to_step(gdb), GDB_REGISTER_PC, pc);
    }
    if (words->has_failed) {
        gdb_say(gdb, ERROR_USAGE);
        return GDB_NOTHING;
    }
    return go(gdb, GDB_GO, is_step ? hart_to_step(gdb) : DEBUG_NO_HART);
}

/* vCont;s:2;c and so on: what stands first counts for a thread. All go on, for they keep their
 * turns (debug.h); one of them may be stepped. */
static enum gdb_action go_on(struct gdb *gdb, struct guest *guest, struct gdb_words *words)
{
    uint32_t step_hart = DEBUG_NO_HART;
    while (gdb_words_take(words, ';')) {
        uint8_t command = words->at < words->end ? *words->at++ : 0;
        if (command == 'C' || command == 'S')
            (void)gdb_words_number(words);
        else if (command != 'c' && command != 's')
            words->has_failed = true;
        uint32_t hart_idx = hart_to_step(gdb);
        if (!words->has_failed && gdb_words_take(words, ':'))
            hart_idx = take_thread(words, guest, hart_idx);
        if ((command == 's' || command == 'S') && step_hart == DEBUG_NO_HART)
            step_hart = hart_idx;
    }
    if (!gdb_words_are_read(words)) {
        gdb_say(gdb, ERROR_USAGE);
        return GDB_NOTHING;
    }
    return go(gdb, GDB_GO, step_hart);
}

static enum gdb_action go_back(struct gdb *gdb, struct gdb_words *words)
{
    bool is_step = gdb_words_take(words, 's');
    if (!is_step)
        gdb_words_expect(words, 'c');
    if (!gdb_words_are_read(words)) {
        gdb_say(gdb, "%s", "");
        return GDB_NOTHING;
    }
    if (!gdb->can_go_back) {
        gdb_say(gdb, "E.%s", gdb->no_way_back);
        return GDB_NOTHING;
    }
    return go(gdb, GDB_GO_BACK, is_step ? hart_to_step(gdb) : DEBUG_NO_HART);
}

/* ---- One packet ---- */

static void choose_thread(struct gdb *gdb, const struct guest *guest, struct gdb_words *words)
{
    uint8_t what = words->at < words->end ? *words->at++ : 0;
    uint32_t stopped = gdb->debug->stop.hart_idx;
    uint32_t hart_idx = take_thread(words, guest, what == 'g' ? stopped : DEBUG_NO_HART);
    if (!gdb_words_are_read(words) || (what != 'g' && what != 'c')) {
        gdb_say(gdb, ERROR_USAGE);
        return;
    }
    *(what == 'g' ? &gdb->chosen_hart : &gdb->step_hart) = hart_idx;
    gdb_say(gdb, "OK");
}

static void is_thread_alive(struct gdb *gdb, const struct guest *guest, struct gdb_words *words)
{
    (void)take_thread(words, guest, 0);
    say_ok_or(gdb, gdb_words_are_read(words), ERROR_USAGE);
}

static enum gdb_action obey_v(struct gdb *gdb, struct guest *guest, struct gdb_words *words)
{
    if (gdb_words_are(words, "vCont?")) {
        gdb_say(gdb, "vCont;c;C;s;S");
    } else if (gdb_words_begin(words, "vCont;")) {
        words->at += strlen("vCont");
        return go_on(gdb, guest, words);
    } else if (gdb_words_begin(words, "vKill;")) {
        gdb_say(gdb, "OK");
        return GDB_KILL;
    } else {
        gdb_say(gdb, "%s", "");
    }
    return GDB_NOTHING;
}

static enum gdb_action obey(struct gdb *gdb, struct guest *guest)
{
    const struct gdb_packets *packets = &gdb->packets;
    struct gdb_words words = {packets->payload, packets->payload + packets->payload_count, false};
    uint8_t command = packets->payload_count > 0 ? packets->payload[0] : 0;
    struct gdb_words rest = {words.at + (command != 0), words.end, false};

    switch (command) {
    case '?':
        say_stop(gdb, guest);
        break;
    case 'g':
        read_registers(gdb, guest);
        break;
    case 'G':
        write_registers(gdb, guest, &rest);
        break;
    case 'p':
        read_register(gdb, guest, &rest);
        break;
    case 'P':
        write_register(gdb, guest, &rest);
        break;
    case 'm':
        read_memory(gdb, guest, &rest);
        break;
    case 'M':
    case 'X':
        write_memory(gdb, guest, &rest, command == 'X');
        break;
    case 'Z':
    case 'z':
        change_point(gdb, &rest, command == 'Z');
        break;
    case 'H':
        choose_thread(gdb, guest, &rest);
        break;
    case 'T':
        is_thread_alive(gdb, guest, &rest);
        break;
    case 'c':
    case 's':
    case 'C':
    case 'S':
        return go_on_old(gdb, guest, &rest, command);
    case 'b':
        return go_back(gdb, &rest);
    case 'v':
        return obey_v(gdb, guest, &words);
    case 'q':
    case 'Q':
        return gdb_answer_question(gdb, guest, &words);
    case 'D':
        gdb_say(gdb, "OK");
        return GDB_DETACH;
    case 'k':
        return GDB_KILL;
    default:
        gdb_say(gdb, "%s", ""); /* not supported */
        break;
    }
    return GDB_NOTHING;
}

/* What the owner is to do comes out here. A change comes before what is done with it. */
static enum gdb_action hand_out(struct gdb *gdb)
{
    enum gdb_action action = gdb->wanted;
    if (gdb->has_changed) {
        gdb->has_changed = false;
        return GDB_CHANGED;
    }
    gdb->wanted = GDB_NOTHING;
    if (action == GDB_GO || action == GDB_GO_BACK) {
        gdb->is_running = true;
        gdb->is_interrupted = false;
    }
    return action;
}

enum gdb_action gdb_next(struct gdb *gdb, struct guest *guest)
{
    while (!gdb->has_ended) {
        if (gdb->is_running) {
            gdb->is_interrupted |= gdb_packets_take_interrupt(&gdb->packets);
            return gdb->is_interrupted ? GDB_HALT : GDB_NOTHING;
        }
        enum gdb_action action = hand_out(gdb);
        if (action != GDB_NOTHING)
            return action;
        enum gdb_input input = gdb_packets_next(&gdb->packets);
        if (input == GDB_INPUT_NONE)
            return GDB_NOTHING;
        if (input == GDB_INPUT_PACKET)
            gdb->wanted = obey(gdb, guest);
    }
    return GDB_NOTHING;
}
