/* What a debugger asks: features, threads, the target's description, and monitor words. */
#include "machine/gdb_private.h"

#include <stdio.h>
#include <string.h>

#include "machine/board.h"
#include "machine/gdb_registers.h"

#define HELP_MAX 1024

static bool has_word(const struct gdb_words *words, const char *text)
{
    return memmem(words->at, (size_t)(words->end - words->at), text, strlen(text)) != NULL;
}

static void say_features(struct gdb *gdb, const struct gdb_words *words)
{
    gdb->knows_swbreak = has_word(words, "swbreak+");
    gdb->knows_hwbreak = has_word(words, "hwbreak+");
    gdb_say(gdb,
            "PacketSize=%x;QStartNoAckMode+;vContSupported+;swbreak+;hwbreak+;multiprocess-;"
            "qXfer:features:read+;qXfer:threads:read+%s",
            GDB_PACKET_MAX, gdb->can_go_back ? ";ReverseStep+;ReverseContinue+" : "");
}

static void say_threads(struct gdb *gdb, const struct guest *guest)
{
    struct bytes reply = {0};
    char text[16];
    gdb_put_text(&reply, "m");
    for (uint32_t i = 0; i < debug_hart_count(guest); i++) {
        snprintf(text, sizeof text, "%s%x", i == 0 ? "" : ",", i + 1);
        gdb_put_text(&reply, text);
    }
    gdb_say_bytes(gdb, &reply);
}

static const char *hart_state(const struct machine *machine, uint32_t hart_idx)
{
    const struct hart *hart = &machine->harts[hart_idx];
    if (hart->status == HART_STOPPED)
        return "stopped: nobody has started it";
    if (hart->status != HART_STARTED)
        return "waits for an interrupt";
    if (machine->awaited_idx[hart_idx] != NO_PAGE)
        return "waits for a page";
    if (hart->is_user)
        return machine->turn_hart_idx == hart_idx ? "has its turn, user mode"
                                                  : "waits for its turn, user mode";
    return machine->turn_hart_idx == hart_idx ? "has its turn" : "waits for its turn";
}

static void describe_threads(const struct guest *guest, struct bytes *to)
{
    const struct machine *machine = machine_of_const(guest);
    char text[128];
    gdb_put_text(to, "<?xml version=\"1.0\"?>\n<threads>\n");
    for (uint32_t i = 0; i < machine->hart_count; i++) {
        snprintf(text, sizeof text, "<thread id=\"%x\" core=\"%u\" name=\"hart %u\">%s</thread>\n",
                 i + 1, i, i, hart_state(machine, i));
        gdb_put_text(to, text);
    }
    gdb_put_text(to, "</threads>\n");
}

/* qXfer:OBJECT:read:ANNEX:OFFSET,LENGTH: a piece, with m before it, or l when it is the last. */
static void say_object(struct gdb *gdb, const struct guest *guest, struct gdb_words *words)
{
    static const char features[] = "qXfer:features:read:target.xml:";
    static const char threads[] = "qXfer:threads:read::";
    struct bytes object = {0}, reply = {0};

    if (gdb_words_begin(words, features)) {
        words->at += strlen(features);
        gdb_registers_describe(&object);
    } else if (gdb_words_begin(words, threads)) {
        words->at += strlen(threads);
        describe_threads(guest, &object);
    } else {
        gdb_say(gdb, "E00"); /* no such annex */
        return;
    }
    uint64_t offset = gdb_words_number(words);
    gdb_words_expect(words, ',');
    uint64_t count = gdb_words_number(words);
    if (gdb_words_are_read(words)) {
        uint64_t left = offset < object.count ? object.count - offset : 0;
        /* Signs of the protocol take two bytes; none of them stands in our texts. */
        uint64_t most = count < GDB_PACKET_MAX - 1 ? count : GDB_PACKET_MAX - 1;
        gdb_put_text(&reply, left > most ? "m" : "l");
        bytes_put(&reply, object.data + (left > 0 ? offset : 0), left > most ? most : left);
        gdb_say_bytes(gdb, &reply);
    } else {
        gdb_say(gdb, ERROR_USAGE);
    }
    bytes_fini(&object);
}

/* ---- monitor ---- */

static void answer_where(struct gdb *gdb, const struct guest *guest)
{
    const struct machine *machine = machine_of_const(guest);
    struct bytes text = {0};
    char place[160], line[256];
    for (uint32_t i = 0; i < machine->hart_count; i++) {
        lines_write_place(gdb->lines, machine->harts[i].pc, place, sizeof place);
        snprintf(line, sizeof line, "hart %u: 0x%llx, %s; %s\n", i,
                 (unsigned long long)machine->harts[i].pc, place, hart_state(machine, i));
        gdb_put_text(&text, line);
    }
    bytes_put_u8(&text, '\0');
    gdb_answer(gdb, (const char *)text.data);
    bytes_fini(&text);
}

static void answer_instructions(struct gdb *gdb, const struct guest *guest)
{
    char text[160];
    snprintf(text, sizeof text, "%llu instructions in %llu ns of guest time, tick %llu\n",
             (unsigned long long)guest->ops->instructions(guest),
             (unsigned long long)guest->ops->now_ns(guest), (unsigned long long)debug_ticks(guest));
    gdb_answer(gdb, text);
}

static void answer_help(struct gdb *gdb)
{
    char text[HELP_MAX];
    snprintf(text, sizeof text,
             "monitor where         where each hart stands, with function and line\n"
             "monitor instructions  how many have run, and the guest's time\n%s",
             gdb->words);
    gdb_answer(gdb, text);
}

static enum gdb_action obey_word(struct gdb *gdb, const struct guest *guest,
                                 struct gdb_words *words)
{
    size_t count = gdb_words_hex(words, (uint8_t *)gdb->word, sizeof gdb->word - 1);
    gdb->word[count] = '\0';
    if (!gdb_words_are_read(words))
        gdb_say(gdb, ERROR_USAGE);
    else if (strcmp(gdb->word, "where") == 0)
        answer_where(gdb, guest);
    else if (strcmp(gdb->word, "instructions") == 0)
        answer_instructions(gdb, guest);
    else if (strcmp(gdb->word, "help") == 0 || count == 0)
        answer_help(gdb);
    else
        return GDB_WORD;
    return GDB_NOTHING;
}

enum gdb_action gdb_answer_question(struct gdb *gdb, struct guest *guest, struct gdb_words *words)
{
    if (gdb_words_begin(words, "qSupported")) {
        say_features(gdb, words);
    } else if (gdb_words_are(words, "QStartNoAckMode")) {
        gdb_say(gdb, "OK");
        gdb->packets.has_no_acks = true;
    } else if (gdb_words_are(words, "qC")) {
        gdb_say(gdb, "QC%x", gdb->debug->stop.hart_idx + 1);
    } else if (gdb_words_are(words, "qfThreadInfo")) {
        say_threads(gdb, guest);
    } else if (gdb_words_are(words, "qsThreadInfo")) {
        gdb_say(gdb, "l");
    } else if (gdb_words_begin(words, "qAttached")) {
        gdb_say(gdb, "1"); /* it was there before: a debugger that leaves lets it live */
    } else if (gdb_words_begin(words, "qXfer:")) {
        say_object(gdb, guest, words);
    } else if (gdb_words_begin(words, "qRcmd,")) {
        words->at += strlen("qRcmd,");
        return obey_word(gdb, guest, words);
    } else {
        gdb_say(gdb, "%s", "");
    }
    return GDB_NOTHING;
}
