#include "live/door.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "live/channel.h"

/* Of a recording in one line: in base 64 a third more, and the line's own words. */
#define PIECE_BYTES 32768u

struct knock {
    struct door *door;
    struct channel *channel;
    uint64_t number; /* who he is, in tickets; 0: this place is free */
    struct control_lines lines;
    bool is_open;      /* greeted */
    bool has_more;     /* said more than there was a turn for: not read until that is done */
    bool is_attached;  /* to recordings: */
    uint64_t attached; /* the one that he is given now; 0: none yet */
    size_t given;      /* bytes of it */
    bool is_given;     /* it was, to its end */
};

struct door {
    struct channel_listener *listener;
    const struct gateway_record *record;
    const struct door_owner *calls;
    void *owner;
    struct knock knocks[DOOR_CALLERS_MAX + 1]; /* the last is told that there are too many */
    uint64_t last_number;
    uv_timer_t turn; /* for those who have said more */
    unsigned count;  /* of callers, and the timer */
    bool is_closing;
};

static void send_message(struct knock *knock, json_t *message)
{
    struct bytes text = {0};

    control_put(&text, message);
    channel_send(knock->channel, text.data, text.count);
    bytes_fini(&text);
}

/* ---- Recordings ---- */

/* Which is next for somebody who has had all of `after`: the nearest behind it that is kept. */
static const struct gateway_recording *next_recording(const struct gateway_record *record,
                                                      uint64_t after)
{
    const struct gateway_recording *last = gateway_record_find(record, 0);

    for (uint64_t id = after + 1; last != NULL && id <= last->id; id++) {
        const struct gateway_recording *next = gateway_record_find(record, id);
        if (next != NULL)
            return next;
        if (id + GATEWAY_RECORDINGS < last->id)
            id = last->id - GATEWAY_RECORDINGS; /* none of those between is kept */
    }
    return NULL;
}

static json_t *piece_json(uint64_t id, const uint8_t *data, size_t count, bool is_end, bool is_cut)
{
    json_t *object = json_object();

    json_object_set_new(object, "id", json_integer((json_int_t)id));
    json_object_set_new(object, "data", control_base64(data, count));
    json_object_set_new(object, "is_end", json_boolean(is_end));
    if (is_cut)
        json_object_set_new(object, "is_cut", json_true());
    return object;
}

/* The next piece of what he is attached to; NULL: there is none now. */
static json_t *next_piece(struct knock *knock)
{
    const struct gateway_record *record = knock->door->record;
    const struct gateway_recording *recording = gateway_record_find(record, knock->attached);

    if (knock->attached == 0 || knock->is_given) {
        recording = next_recording(record, knock->attached);
        if (recording == NULL)
            return NULL;
        knock->attached = recording->id;
        knock->given = 0;
        knock->is_given = false;
    }
    if (recording == NULL) { /* forgotten before he had read it */
        knock->is_given = true;
        return piece_json(knock->attached, NULL, 0, true, true);
    }
    const struct bytes *bytes = &recording->recorder.bytes;
    size_t left = bytes->count - knock->given;
    size_t count = left < PIECE_BYTES ? left : PIECE_BYTES;
    knock->is_given = recording->is_end && count == left;
    if (count == 0 && !knock->is_given)
        return NULL;
    json_t *piece = piece_json(recording->id, bytes->data + knock->given, count, knock->is_given,
                               knock->is_given && recording->is_full);
    knock->given += count;
    return piece;
}

static void attach(struct knock *knock, const json_t *arguments, json_t *id)
{
    const struct gateway_record *record = knock->door->record;
    bool is_named = json_object_get(arguments, "id") != NULL;
    uint64_t named = control_number(arguments, "id", 0); /* which none has */
    const struct gateway_recording *recording =
        is_named && named == 0 ? NULL : gateway_record_find(record, named);
    struct problem problem = {STATUS_OK, ""};
    enum status status = control_know_all(arguments, "id record", &problem);

    if (status == STATUS_OK && is_named && recording == NULL)
        status =
            problem_set(&problem, STATUS_USAGE,
                        "id: there is no recording of that migration: `status` names the last");
    if (status != STATUS_OK) {
        send_message(knock, control_refusal(CONTROL_BAD_ARGUMENT, problem.text, id));
        return;
    }
    knock->is_attached = true;
    knock->attached = recording != NULL ? recording->id : 0;
    knock->given = 0;
    knock->is_given = false;
    json_t *value = json_object();
    json_object_set_new(value, "id",
                        recording != NULL ? json_integer((json_int_t)recording->id) : json_null());
    send_message(knock, control_return(value, id));
    channel_poke(knock->channel);
}

static void detach(struct knock *knock, const json_t *arguments, json_t *id)
{
    struct problem problem = {STATUS_OK, ""};

    if (control_know_all(arguments, "", &problem) != STATUS_OK) {
        send_message(knock, control_refusal(CONTROL_BAD_ARGUMENT, problem.text, id));
        return;
    }
    knock->is_attached = false;
    send_message(knock, control_return(NULL, id));
}

/* ---- Lines ---- */

static void obey(struct knock *knock, const struct control_message *message)
{
    json_t *arguments = message->data != NULL ? json_incref(message->data) : json_object();

    if (strcmp(message->name, "attach") == 0) {
        attach(knock, arguments, message->id);
    } else if (strcmp(message->name, "detach") == 0) {
        detach(knock, arguments, message->id);
    } else {
        struct door_ticket ticket = {.caller = knock->number, .id = json_incref(message->id)};
        knock->door->calls->command(knock->door->owner, message->name, arguments, &ticket);
    }
    json_decref(arguments);
}

static void read_line(struct knock *knock, const char *line, size_t count)
{
    struct problem problem = {STATUS_OK, ""};
    struct control_message message;
    enum status status = control_read(line, count, &message, &problem);

    if (status == STATUS_OK && message.kind != CONTROL_COMMAND)
        status = problem_set(&problem, STATUS_BAD_INPUT,
                             "the line is no command: write {\"execute\": \"status\"}");
    if (status == STATUS_OK)
        obey(knock, &message);
    else
        send_message(knock, control_refusal(CONTROL_BAD_ARGUMENT, problem.text, message.id));
    control_message_fini(&message);
}

static void on_turn(uv_timer_t *timer);

/* A command may close the door or this channel before the next line is looked at; so may its answer,
 * where he does not read. */
static bool is_heard(const struct knock *knock)
{
    return knock->is_open && channel_is_open(knock->channel);
}

static void end_for_a_line(struct knock *knock)
{
    knock->is_open = false;
    send_message(knock,
                 control_refusal(CONTROL_BAD_ARGUMENT,
                                 "a line has at most 65536 bytes: this one cannot be read", NULL));
    channel_close(knock->channel, "a line without an end", false);
}

/* Some of what he has said. */
static void hear_lines(struct knock *knock)
{
    bool is_too_long = false, had_more = knock->has_more;
    unsigned left = DOOR_LINES_IN_A_TURN;
    const char *line = NULL;
    size_t length;

    while (is_heard(knock) && left-- > 0 &&
           (line = control_lines_next(&knock->lines, &length, &is_too_long)) != NULL)
        if (length > 0)
            read_line(knock, line, length);
    if (!is_heard(knock))
        return;
    if (is_too_long) {
        end_for_a_line(knock);
        return;
    }
    knock->has_more = line != NULL;
    if (knock->has_more != had_more)
        channel_read(knock->channel, !knock->has_more);
    if (knock->has_more)
        uv_timer_start(&knock->door->turn, on_turn, 1, 0); /* 0 would keep the loop from others */
}

static void on_turn(uv_timer_t *timer)
{
    struct door *door = timer->data;

    for (unsigned i = 0; i < DOOR_CALLERS_MAX; i++)
        if (door->knocks[i].has_more)
            hear_lines(&door->knocks[i]);
}

static void heard(void *owner, struct channel *channel, const uint8_t *data, size_t count)
{
    struct knock *knock = owner;

    (void)channel;
    if (!knock->is_open)
        return;
    control_lines_put(&knock->lines, data, count);
    hear_lines(knock);
}

/* ---- Callers come and go ---- */

static void opened(void *owner, struct channel *channel)
{
    struct knock *knock = owner;
    struct door *door = knock->door;
    struct channel_limits limits = {.stall_ns = DOOR_STALL_NS, .backlog_bytes = DOOR_BACKLOG_MAX};

    channel_set_limits(channel, &limits);
    knock->is_open = knock != &door->knocks[DOOR_CALLERS_MAX];
    if (knock->is_open) {
        send_message(knock, control_greeting());
        return;
    }
    send_message(knock,
                 control_refusal(CONTROL_NOT_NOW,
                                 "16 callers are at the door: come again when one has left", NULL));
    channel_close(channel, "too many callers", false);
}

static void fill(void *owner, struct channel *channel, struct bytes *to)
{
    struct knock *knock = owner;
    json_t *piece = knock->is_open && knock->is_attached ? next_piece(knock) : NULL;

    (void)channel;
    if (piece != NULL)
        control_put(to, control_event("recording", piece, control_wall_us()));
}

static void free_if_empty(struct door *door)
{
    if (door->is_closing && door->count == 0)
        free(door);
}

static void closed(void *owner, struct channel *channel, const char *reason)
{
    struct knock *knock = owner;
    struct door *door = knock->door;
    bool is_caller = knock != &door->knocks[DOOR_CALLERS_MAX];
    char line[400];

    control_lines_fini(&knock->lines);
    /* Who goes, with whatever unread, is no news. */
    if (*reason != '\0' && is_caller && !door->is_closing && knock->is_open &&
        !channel_is_broken(channel)) {
        snprintf(line, sizeof line, "caller %llu at the control door was shut out: %.300s",
                 (unsigned long long)knock->number, reason);
        door->calls->told(door->owner, line);
    }
    *knock = (struct knock){0};
    door->count--;
    free_if_empty(door);
}

static void on_timer_closed(uv_handle_t *handle)
{
    struct door *door = handle->data;

    door->count--;
    free_if_empty(door);
}

static const struct channel_owner knock_calls = {
    .opened = opened, .heard = heard, .fill = fill, .closed = closed};

static bool let_in(void *owner, struct channel *channel, const struct channel_owner **calls,
                   void **knock_owner)
{
    struct door *door = owner;
    unsigned place = 0;

    while (place <= DOOR_CALLERS_MAX && door->knocks[place].number != 0)
        place++;
    if (place > DOOR_CALLERS_MAX || door->is_closing)
        return false;
    door->knocks[place] =
        (struct knock){.door = door, .channel = channel, .number = ++door->last_number};
    door->count++;
    *calls = &knock_calls;
    *knock_owner = &door->knocks[place];
    return true;
}

enum status door_open(uv_loop_t *loop, const char *path, const struct gateway_record *record,
                      const struct door_owner *calls, void *owner, struct door **door,
                      struct problem *problem)
{
    struct door *made = calloc(1, sizeof *made);
    MUST(made != NULL);
    char address[CONTROL_PATH_MAX + 2];

    made->record = record;
    made->calls = calls;
    made->owner = owner;
    /* An address with a '/' in it is a path. */
    snprintf(address, sizeof address, "%s%s", strchr(path, '/') == NULL ? "./" : "", path);
    enum status status =
        channel_listen(loop, address, NULL, let_in, made, &made->listener, problem);
    if (status != STATUS_OK) {
        free(made);
        return status;
    }
    MUST(uv_timer_init(loop, &made->turn) == 0);
    made->turn.data = made;
    made->count = 1;
    *door = made;
    return STATUS_OK;
}

void door_close(struct door *door)
{
    channel_listener_close(door->listener);
    door->is_closing = true;
    for (unsigned i = 0; i <= DOOR_CALLERS_MAX; i++) {
        if (door->knocks[i].number == 0)
            continue;
        door->knocks[i].is_open = false;
        channel_close(door->knocks[i].channel, "", false);
    }
    uv_close((uv_handle_t *)&door->turn, on_timer_closed);
}

/* ---- Answers and events ---- */

/* NULL: he has left. */
static struct knock *find_knock(struct door *door, const struct door_ticket *ticket)
{
    for (unsigned i = 0; i < DOOR_CALLERS_MAX; i++)
        if (door->knocks[i].number == ticket->caller && door->knocks[i].is_open)
            return &door->knocks[i];
    return NULL;
}

static void answer(struct door *door, struct door_ticket *ticket, json_t *message)
{
    struct knock *knock = find_knock(door, ticket);

    if (knock != NULL)
        send_message(knock, message);
    else
        json_decref(message);
    json_decref(ticket->id);
    *ticket = (struct door_ticket){0};
}

void door_return(struct door *door, struct door_ticket *ticket, json_t *value)
{
    answer(door, ticket, control_return(value, ticket->id));
}

void door_refuse(struct door *door, struct door_ticket *ticket, enum control_error error,
                 const char *format, ...)
{
    char desc[512];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(desc, sizeof desc, format, arguments);
    va_end(arguments);
    answer(door, ticket, control_refusal(error, desc, ticket->id));
}

/* Gives `data` up. */
static void tell_all(struct door *door, size_t backlog_max, const char *name, json_t *data)
{
    struct bytes text = {0};

    control_put(&text, control_event(name, data, control_wall_us()));
    for (unsigned i = 0; i < DOOR_CALLERS_MAX; i++)
        if (door->knocks[i].is_open && channel_backlog(door->knocks[i].channel) < backlog_max)
            channel_send(door->knocks[i].channel, text.data, text.count);
    bytes_fini(&text);
}

void door_tell(struct door *door, const char *name, json_t *data)
{
    tell_all(door, SIZE_MAX, name, data);
}

void door_chat(struct door *door, const char *name, json_t *data)
{
    tell_all(door, DOOR_CHAT_MAX, name, data);
}

void door_poke(struct door *door)
{
    for (unsigned i = 0; i < DOOR_CALLERS_MAX; i++)
        if (door->knocks[i].is_open && door->knocks[i].is_attached)
            channel_poke(door->knocks[i].channel);
}
