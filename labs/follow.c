#include "labs/follow.h"

#include <signal.h>
#include <string.h>

#include "base/event.h"
#include "labs/people.h"

/* How often an interrupt is looked for, should a signal come between two looks. */
#define LOOK_MS 200

static volatile sig_atomic_t interrupts;

static void note_interrupt(int signal)
{
    (void)signal;
    interrupts++;
}

/* ---- How far it is ---- */

/* As far as it is known. A connection that is lost carries nothing. */
static void print_figures(FILE *file, const struct follow *follow, const json_t *move,
                          const char *rate, const char *left)
{
    struct people people = {0};
    uint64_t left_ns = control_number(move, "left_ns", UINT64_MAX);
    uint64_t pause_ns = control_number(move, "downtime_forecast_ns", UINT64_MAX);

    if (strcmp(follow->phase, phase_name(PHASE_LINK_LOST)) != 0)
        fprintf(file, "%s%s/s", rate,
                people_bytes(&people, control_number(move, "bytes_per_s", 0)));
    if (left_ns != UINT64_MAX)
        fprintf(file, "%s%s left", left, people_time(&people, left_ns));
    if (pause_ns != UINT64_MAX)
        fprintf(file, ", downtime %s", people_time(&people, pause_ns));
}

static void draw(struct follow *follow, const json_t *move)
{
    struct people people = {0};

    fprintf(stderr, "\r\033[K%s", follow->phase);
    if (control_number(move, "progress_permille", UINT64_MAX) != UINT64_MAX)
        fprintf(stderr, " %llu.%llu %%", (unsigned long long)follow->permille / 10,
                (unsigned long long)follow->permille % 10);
    fprintf(stderr, ", round %s, %s", people_count(&people, follow->round),
            people_bytes(&people, control_number(move, "bytes_sent", 0)));
    print_figures(stderr, follow, move, ", ", ", about ");
    fflush(stderr);
}

static void print_line(struct follow *follow, const json_t *move)
{
    struct people people = {0};

    fprintf(follow->lines, "%s, round %s: %s sent", follow->phase,
            people_count(&people, follow->round),
            people_bytes(&people, control_number(move, "bytes_sent", 0)));
    print_figures(follow->lines, follow, move, " at ", "; ");
    fprintf(follow->lines, "\n");
    fflush(follow->lines);
}

void follow_hear_progress(struct follow *follow, const json_t *move)
{
    const char *phase = control_word(move, "phase", "");
    uint64_t round = control_number(move, "round", 0);
    uint64_t permille = control_number(move, "progress_permille", 0);
    bool is_new = strcmp(phase, follow->phase) != 0 || round != follow->round;

    snprintf(follow->phase, sizeof follow->phase, "%s", phase);
    follow->round = round;
    if (permille > follow->permille && permille <= 1000)
        follow->permille = permille;
    if (follow->is_drawn)
        draw(follow, move);
    else if (is_new && follow->lines != NULL && strcmp(phase, phase_name(PHASE_SETUP)) != 0)
        print_line(follow, move);
}

static void clear_line(const struct follow *follow)
{
    if (follow->is_drawn)
        fprintf(stderr, "\r\033[K");
}

/* ---- What the door says ---- */

static void hear_piece(struct follow *follow, const json_t *data)
{
    if (control_number(data, "id", 0) != follow->id || follow->is_whole)
        return;
    bool is_read = control_unbase64(control_word(data, "data", "!"), &follow->recording);
    follow->is_whole = json_is_true(json_object_get(data, "is_end"));
    follow->is_cut |= !is_read || json_is_true(json_object_get(data, "is_cut"));
}

static void hear_event(struct follow *follow, const struct control_message *message)
{
    if (strcmp(message->name, "recording") == 0) {
        hear_piece(follow, message->data);
        return;
    }
    if (control_number(message->data, "id", 0) != follow->id)
        return;
    json_incref(message->data);
    json_decref(follow->last);
    follow->last = message->data;
    if (strcmp(message->name, "progress") == 0)
        follow_hear_progress(follow, message->data);
    if (strcmp(message->name, "migration_ended") == 0 && follow->end == NULL)
        follow->end = json_incref(message->data);
}

static void hear(struct follow *follow, const struct control_message *message)
{
    bool is_of_abort = follow->has_asked_to_abort && json_is_integer(message->id) &&
                       (uint64_t)json_integer_value(message->id) == follow->abort_id;

    if (message->kind == CONTROL_EVENT)
        hear_event(follow, message);
    if (message->kind != CONTROL_ERROR || !is_of_abort)
        return;
    clear_line(follow);
    fprintf(stderr, "%s: it goes on: %s\n", follow->who, message->desc);
}

/* ---- Interrupts ---- */

static bool obey_interrupts(struct follow *follow, struct problem *problem)
{
    bool is_new = interrupts > 0 && !follow->has_asked_to_abort;

    if (interrupts > 1 || (is_new && follow->end != NULL)) {
        follow->is_left = true;
        return false;
    }
    if (!is_new)
        return true;
    follow->has_asked_to_abort = true;
    clear_line(follow);
    fprintf(stderr, "%s: asked to give the move up; once more leaves it alone\n", follow->who);
    return caller_send(follow->caller, "abort", NULL, &follow->abort_id, problem) == STATUS_OK;
}

static bool follow_to_end(struct follow *follow, struct problem *problem)
{
    while (follow->end == NULL || !follow->is_whole) {
        struct control_message message;
        if (!obey_interrupts(follow, problem))
            return false;
        enum caller_heard heard = caller_next(follow->caller, LOOK_MS, &message);
        if (heard == CALLER_OVER) {
            problem_set(problem, STATUS_NO_FILE, "%s", follow->caller->why_over);
            return false;
        }
        if (heard != CALLER_MESSAGE)
            continue;
        hear(follow, &message);
        control_message_fini(&message);
    }
    return true;
}

bool follow_move(struct follow *follow, struct problem *problem)
{
    struct sigaction note = {.sa_handler = note_interrupt}, before;
    json_t *arguments = json_pack("{s:I}", "id", (json_int_t)follow->id);

    if (caller_ask(follow->caller, "attach", arguments, NULL, problem) != STATUS_OK)
        return false;
    interrupts = 0;
    sigaction(SIGINT, &note, &before);
    bool is_over = follow_to_end(follow, problem);
    sigaction(SIGINT, &before, NULL);
    clear_line(follow);
    return is_over;
}

void follow_fini(struct follow *follow)
{
    json_decref(follow->end);
    json_decref(follow->last);
    bytes_fini(&follow->recording);
}
