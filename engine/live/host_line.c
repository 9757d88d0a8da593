/* The connections of moves: who calls says which guest it brings, and is answered; what follows is
 * the engine's. */
#include <stdio.h>
#include <stdlib.h>

#include "base/units.h"
#include "live/host_private.h"
#include "live/key_file.h"

/* Nobody brings more guests at a time than there is room for; the others are connections that are
 * on their way out. */
#define LINES_MAX 16u
/* What is to be sent and does not leave: the other end reads nothing any more. */
#define STALL_NS (10 * NS_PER_S)
/* What may be said before the answer: a text, and the first words of the engine behind it. */
#define BEGINNING_MAX (64u << 10)
/* COMMIT stands behind what was sent before the pause and was not read yet: half a millisecond of it.
 */
#define UNREAD_BYTES (512u << 10)
#define PLACES_MAX   256u /* a place for each page, and one for what stands before it */

/* It is heard no more, and says no more; `closed` frees it. */
static void let_go(struct line *line)
{
    if (line->move != NULL && line->move->line == line)
        line->move->line = NULL;
    line->move = NULL;
    line->is_gone = true;
}

void line_break(struct line *line, const char *reason)
{
    struct move *move = line->move;

    let_go(line);
    channel_close(line->channel, reason, true);
    if (move != NULL)
        move_line_lost(move, uv_hrtime(), LINE_BROKEN, reason, channel_backlog(line->channel));
}

void line_finish(struct line *line)
{
    let_go(line);
    channel_close(line->channel, "", false);
}

void line_poke(struct line *line)
{
    channel_poke(line->channel);
}

/* ---- What comes before the engine's bytes ---- */

static void refuse(struct line *line, enum move_answer answer, const char *reason)
{
    struct bytes frame = {0};

    move_text_put_answer(&frame, answer, reason);
    channel_send(line->channel, frame.data, frame.count);
    bytes_fini(&frame);
    line_finish(line);
}

void line_put_ready(struct line *line)
{
    struct bytes frame = {0};

    move_text_put_answer(&frame, MOVE_READY, "");
    channel_send(line->channel, frame.data, frame.count);
    bytes_fini(&frame);
}

/* At the target: somebody says which guest it brings. */
static size_t hear_text(struct line *line, uint64_t now_ns)
{
    struct problem problem = {STATUS_OK, ""};
    struct move_text text;
    size_t consumed = 0;
    enum status status = move_text_get(line->in.data, line->in.count, &text, &consumed, &problem);

    if (status == STATUS_OK && consumed > 0)
        status = arrival_begin(line, &text, now_ns, &problem);
    if (status != STATUS_OK) {
        host_say(line->host, "a guest that %s brings is not taken: %s", channel_peer(line->channel),
                 problem.text);
        refuse(line, status == STATUS_BAD_STATE ? MOVE_UNKNOWN : MOVE_REFUSED, problem.text);
    } else if (line->move != NULL) {
        line->is_ready = true;
        line_put_ready(line);
        move_line_ready(line->move, now_ns);
    }
    move_text_fini(&text);
    return consumed;
}

/* At the source: the other host takes it, or not. */
static size_t hear_answer(struct line *line, uint64_t now_ns)
{
    struct problem problem = {STATUS_OK, ""};
    enum move_answer answer = MOVE_REFUSED;
    char reason[MESSAGE_REASON_MAX];
    size_t consumed = 0;

    if (move_text_get_answer(line->in.data, line->in.count, &answer, reason, &consumed, &problem) !=
        STATUS_OK) {
        line_break(line, problem.text);
        return 0;
    }
    if (consumed == 0)
        return 0;
    if (answer == MOVE_READY) {
        line->is_ready = true;
        move_line_ready(line->move, now_ns);
        return consumed;
    }
    if (answer == MOVE_UNKNOWN && line->move->is_recovering)
        departure_unknown(line->move, now_ns, reason);
    else
        line_break(line, reason);
    return consumed;
}

/* ---- The channel's calls ---- */

static void opened(void *owner, struct channel *channel)
{
    struct line *line = owner;
    struct channel_limits limits = {.stall_ns = STALL_NS};
    struct bytes frame = {0};

    channel_set_limits(channel, &limits);
    channel_set_rate(channel, line->host->bits_per_s);
    channel_set_unread(channel, UNREAD_BYTES);
    line->since_ns = uv_hrtime();
    if (!line->is_out || line->move == NULL)
        return;
    departure_put_text(line->move, &frame);
    channel_send(channel, frame.data, frame.count);
    bytes_fini(&frame);
}

static void hear(struct line *line, uint64_t now_ns, const uint8_t *data, size_t count)
{
    if (line->is_ready && line->move != NULL) {
        move_heard(line->move, now_ns, data, count);
        return;
    }
    if (line->is_out && line->move == NULL)
        return;
    bytes_put(&line->in, data, count);
    size_t consumed = line->is_out ? hear_answer(line, now_ns) : hear_text(line, now_ns);
    if (line->is_ready && line->move != NULL && line->in.count > consumed)
        move_heard(line->move, now_ns, line->in.data + consumed, line->in.count - consumed);
    else if (!line->is_ready && consumed == 0 && line->in.count > BEGINNING_MAX)
        line_break(line, "it says too much before it says what it brings");
}

static void heard(void *owner, struct channel *channel, const uint8_t *data, size_t count)
{
    struct line *line = owner;

    (void)channel;
    if (latency_keeps(line))
        latency_put(line, uv_hrtime(), data, count);
    else
        hear(line, uv_hrtime(), data, count);
}

/* What is due by then. */
static void hear_late(struct line *line, uint64_t until_ns)
{
    struct bytes bytes = {0};

    if (!line->is_gone && latency_take(line, until_ns, &bytes) > 0)
        hear(line, uv_hrtime(), bytes.data, bytes.count);
    bytes_fini(&bytes);
}

/* Pages of a guest that arrives are read straight into its memory. */
static size_t place(void *owner, struct channel *channel, struct iovec *places, size_t most)
{
    struct line *line = owner;
    struct span spans[PLACES_MAX];

    (void)channel;
    if (line->is_out || !line->is_ready || line->move == NULL || latency_keeps(line))
        return 0;
    size_t count = arrival_place(line->move, spans, most < PLACES_MAX ? most : PLACES_MAX);
    for (size_t i = 0; i < count; i++)
        places[i] = (struct iovec){spans[i].data, spans[i].count};
    return count;
}

static void placed(void *owner, struct channel *channel, size_t count)
{
    struct line *line = owner;
    (void)channel;
    move_heard(line->move, uv_hrtime(), NULL, count);
}

/* Nothing runs on this loop before what a guest has lent was sent, or copied. */
static void lend(void *owner, struct channel *channel, struct bytes *to, struct lending *lending)
{
    struct line *line = owner;

    if (!line->is_ready || line->move == NULL)
        return;
    move_lend(line->move, uv_hrtime(), channel_backlog(channel), to, lending);
    if (line->move != NULL && line->move->is_put_off)
        channel_put_off(channel);
}

static void fill(void *owner, struct channel *channel, struct bytes *to)
{
    lend(owner, channel, to, NULL);
}

static void closed(void *owner, struct channel *channel, const char *reason)
{
    struct line *line = owner, **at = &line->host->lines;
    struct host *host = line->host;

    (void)channel;
    if (line->move != NULL && *reason == '\0')
        hear_late(line, UINT64_MAX); /* it was said before the end */
    struct move *move = line->move;
    let_go(line);
    while (*at != line)
        at = &(*at)->next;
    *at = line->next;
    if (move != NULL)
        move_line_lost(move, uv_hrtime(),
                       channel_was_refused(channel) ? LINE_REFUSED
                       : *reason == '\0'            ? LINE_IN_ORDER
                                                    : LINE_BROKEN,
                       *reason != '\0' ? reason : "the other host closed the connection",
                       channel_backlog(channel));
    latency_fini(line);
    bytes_fini(&line->in);
    free(line);
    host_freed(host);
}

static const struct channel_owner line_calls = {
    .opened = opened,
    .heard = heard,
    .place = place,
    .placed = placed,
    .fill = fill,
    .lend = lend,
    .closed = closed,
};

/* ---- How they come to be ---- */

static struct line *add_line(struct host *host, struct move *move)
{
    struct line *line = calloc(1, sizeof *line);
    MUST(line != NULL);
    line->host = host;
    line->move = move;
    line->is_out = move != NULL;
    line->since_ns = uv_hrtime();
    line->next = host->lines;
    host->lines = line;
    return line;
}

static bool take(void *owner, struct channel *channel, const struct channel_owner **calls,
                 void **line_owner)
{
    struct host *host = owner;
    unsigned count = 0;

    for (const struct line *line = host->lines; line != NULL; line = line->next)
        count++;
    if (host->is_closing || host->is_cut || count >= LINES_MAX)
        return false;
    struct line *line = add_line(host, NULL);
    line->channel = channel;
    *calls = &line_calls;
    *line_owner = line;
    return true;
}

static void turned_away(void *owner, const char *line)
{
    host_say(owner, "somebody is not let in: %s", line);
}

enum status line_listen(struct host *host, struct problem *problem)
{
    struct channel_key key;
    enum status status =
        channel_listen(host->loop, host->config->listen,
                       key_for(host->config->key, KEY_FOR_MOVES_TO, host->config->name, &key), take,
                       host, &host->listener, problem);

    key_forget(&key);
    if (status == STATUS_OK)
        channel_listener_tell(host->listener, turned_away);
    return status;
}

void line_open(struct move *move)
{
    struct host *host = move->host;
    struct problem problem = {STATUS_OK, ""};
    struct line *line = add_line(host, move);
    struct channel_key key;

    move->line = line;
    enum status status = channel_connect(
        host->loop, move->address, key_for(host->config->key, KEY_FOR_MOVES_TO, move->to, &key),
        &line_calls, line, &line->channel, &problem);
    key_forget(&key);
    if (status == STATUS_OK)
        return;
    host->lines = line->next;
    move->line = NULL;
    free(line);
    move_line_lost(move, uv_hrtime(), LINE_BROKEN, problem.text, 0);
}

/* ---- Who says nothing ---- */

uint64_t line_due_ns(const struct host *host)
{
    uint64_t due_ns = UINT64_MAX;
    for (const struct line *line = host->lines; line != NULL; line = line->next) {
        if (!line->is_ready && line->since_ns + HOST_ANSWER_NS < due_ns)
            due_ns = line->since_ns + HOST_ANSWER_NS;
        if (!line->is_gone)
            due_ns = latency_due_ns(line) < due_ns ? latency_due_ns(line) : due_ns;
    }
    return due_ns;
}

void line_turn(struct host *host, uint64_t now_ns)
{
    for (struct line *line = host->lines, *next; line != NULL; line = next) {
        next = line->next; /* lines are freed by the loop, never from within a call */
        hear_late(line, now_ns);
        if (line->is_ready || line->since_ns + HOST_ANSWER_NS > now_ns)
            continue;
        line->since_ns = UINT64_MAX - HOST_ANSWER_NS; /* once */
        line_break(line, "the other host says nothing");
    }
}
