/* mover CONTROL COUNT MODES [NAME=VALUE ...]: moves the guest COUNT times, by one mode after the
 * other of MODES ("pre-copy,hybrid"), always to the other host, through the gateway's door. NAME
 * and VALUE are what `ferry migrate` takes; pause=N is its own: milliseconds between two moves.
 * For each move a line,
 *
 *      move ID mode M outcome O total_ns N downtime_ns N rounds N bytes N samples N
 *          downtime_miss N left_miss N backwards N reason ...                (all on one line)
 *
 * and at the end "moved N of N". The misses judge what was shown while it went on, from the second
 * round on: how far the forecast was from what then happened, in thousandths of what is allowed (a
 * quarter of it, or 1 ms where that is more), in the median of the move's samples; - where there
 * was none. `backwards`: how often the progress was less than before. SIGTERM ends it behind the
 * move that goes on. Status 1 when a move did not end as completed. */
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "live/caller.h"

#define SAMPLES_MAX  4096u
#define PATIENCE_MS  600000 /* no move of a proof lasts ten minutes */
#define LEAST_NS     1000000u
#define ROUND_SECOND 1u /* they are counted from 0 */

struct sample {
    uint64_t at_ns, downtime_forecast_ns, left_ns;
};

static struct {
    struct sample samples[SAMPLES_MAX];
    size_t count;
    uint64_t started_ns, id;
    uint64_t progress_permille, backwards;
} move;

static volatile sig_atomic_t is_to_end;

static void end(int signal_number)
{
    (void)signal_number;
    is_to_end = 1;
}

_Noreturn static void give_up(const char *what)
{
    fprintf(stderr, "mover: %s\n", what);
    exit(1);
}

/* ---- What was shown, against what happened ---- */

static uint64_t miss_permille(uint64_t forecast_ns, uint64_t real_ns)
{
    uint64_t miss_ns = forecast_ns > real_ns ? forecast_ns - real_ns : real_ns - forecast_ns;
    uint64_t allowed_ns = real_ns / 4 > LEAST_NS ? real_ns / 4 : LEAST_NS;
    return miss_ns / (allowed_ns / 1000);
}

static int by_size(const void *a, const void *b)
{
    const uint64_t *left = a, *right = b;
    return (*left > *right) - (*left < *right);
}

static void print_median(const char *name, uint64_t *values, size_t count)
{
    qsort(values, count, sizeof *values, by_size);
    if (count == 0)
        printf(" %s -", name);
    else
        printf(" %s %" PRIu64, name, values[(count - 1) / 2]);
}

static void print_misses(uint64_t total_ns, uint64_t downtime_ns)
{
    static uint64_t downtimes[SAMPLES_MAX], lefts[SAMPLES_MAX];
    uint64_t end_ns = move.started_ns + total_ns;
    size_t downtime_count = 0, left_count = 0;

    for (size_t i = 0; i < move.count; i++) {
        const struct sample *sample = &move.samples[i];
        if (sample->downtime_forecast_ns != UINT64_MAX)
            downtimes[downtime_count++] = miss_permille(sample->downtime_forecast_ns, downtime_ns);
        if (sample->left_ns != UINT64_MAX && sample->at_ns < end_ns)
            lefts[left_count++] = miss_permille(sample->left_ns, end_ns - sample->at_ns);
    }
    printf(" samples %zu", move.count);
    print_median("downtime_miss", downtimes, downtime_count);
    print_median("left_miss", lefts, left_count);
    printf(" backwards %" PRIu64, move.backwards);
}

/* ---- What the door tells ---- */

static uint64_t wall_ns(const struct control_message *message)
{
    const json_t *timestamp = json_object_get(message->root, "timestamp");
    return control_number(timestamp, "seconds", 0) * 1000000000u +
           control_number(timestamp, "microseconds", 0) * 1000u;
}

static void hear_progress(const struct control_message *message)
{
    uint64_t progress = control_number(message->data, "progress_permille", 0);
    uint64_t round = control_number(message->data, "round", 0);

    move.backwards += progress < move.progress_permille;
    move.progress_permille = progress;
    if (round < ROUND_SECOND || move.count == SAMPLES_MAX)
        return;
    move.samples[move.count++] = (struct sample){
        .at_ns = wall_ns(message),
        .downtime_forecast_ns = control_number(message->data, "downtime_forecast_ns", UINT64_MAX),
        .left_ns = control_number(message->data, "left_ns", UINT64_MAX),
    };
}

/* True when it was completed. */
static bool hear_end(const struct control_message *message, const char *mode)
{
    const char *outcome = control_word(message->data, "outcome", "?");
    uint64_t total_ns = control_number(message->data, "total_time_ns", 0);
    uint64_t downtime_ns = control_number(message->data, "downtime_ns", 0);

    printf("move %" PRIu64 " mode %s outcome %s total_ns %" PRIu64 " downtime_ns %" PRIu64
           " rounds %" PRIu64 " bytes %" PRIu64,
           move.id, mode, outcome, total_ns, downtime_ns,
           control_number(message->data, "round", 0) + 1,
           control_number(message->data, "bytes_sent", 0));
    print_misses(total_ns, downtime_ns);
    printf(" reason %s\n", control_word(message->data, "reason", ""));
    fflush(stdout);
    return strcmp(outcome, "completed") == 0;
}

static bool wait_for_end(struct caller *caller, const char *mode)
{
    for (;;) {
        struct control_message message;
        enum caller_heard heard = caller_next(caller, PATIENCE_MS, &message);
        if (heard == CALLER_NOTHING && is_to_end)
            continue; /* a signal: the move is waited for all the same */
        if (heard != CALLER_MESSAGE)
            give_up(heard == CALLER_OVER ? caller->why_over : "ten minutes, and no end");
        bool is_event = message.kind == CONTROL_EVENT;
        bool is_end = is_event && strcmp(message.name, "migration_ended") == 0;
        bool is_completed = is_end && hear_end(&message, mode);
        if (is_event && strcmp(message.name, "migration_started") == 0)
            move.started_ns = wall_ns(&message);
        if (is_event && strcmp(message.name, "progress") == 0)
            hear_progress(&message);
        control_message_fini(&message);
        if (is_end)
            return is_completed;
    }
}

static bool make_move(struct caller *caller, const json_t *options, const char *mode)
{
    json_t *arguments = json_deep_copy(options), *result = NULL;
    struct problem problem = {0};

    memset(&move, 0, sizeof move);
    json_object_set_new(arguments, "mode", json_string(mode));
    if (caller_ask(caller, "migrate", arguments, &result, &problem) != STATUS_OK)
        give_up(problem.text);
    move.id = control_number(result, "id", 0);
    json_decref(result);
    return wait_for_end(caller, mode);
}

/* The `idx`-th of "a,b,c", and around again. */
static const char *mode_of(const char *modes, uint64_t idx)
{
    static char mode[32];
    uint64_t count = 1;

    for (const char *at = modes; *at != '\0'; at++)
        count += *at == ',';
    for (idx %= count; idx > 0; idx--)
        modes = strchr(modes, ',') + 1;
    snprintf(mode, sizeof mode, "%.*s", (int)strcspn(modes, ","), modes);
    return mode;
}

static json_t *read_options(int count, char **words, uint64_t *pause_ms)
{
    json_t *options = json_object();

    for (int i = 0; i < count; i++) {
        char *value = strchr(words[i], '=');
        if (value == NULL)
            give_up("write options as NAME=VALUE");
        *value++ = '\0';
        if (strcmp(words[i], "pause") == 0)
            *pause_ms = strtoull(value, NULL, 10);
        else
            json_object_set_new(options, words[i], json_string(value));
    }
    return options;
}

int main(int argc, char **argv)
{
    struct caller caller;
    struct problem problem = {0};
    uint64_t pause_ms = 0, moved_count = 0, completed_count = 0;

    if (argc < 4) {
        fprintf(stderr, "usage: mover CONTROL COUNT MODES [NAME=VALUE ...]\n");
        return 2;
    }
    json_t *options = read_options(argc - 4, argv + 4, &pause_ms);
    uint64_t count = strtoull(argv[2], NULL, 10);
    struct sigaction action = {.sa_handler = end};
    sigaction(SIGTERM, &action, NULL);
    if (caller_open(&caller, argv[1], &problem) != STATUS_OK)
        give_up(problem.text);
    while (moved_count < count && !is_to_end) {
        completed_count += make_move(&caller, options, mode_of(argv[3], moved_count));
        moved_count++;
        nanosleep(&(struct timespec){(time_t)(pause_ms / 1000), (long)(pause_ms % 1000) * 1000000},
                  NULL);
    }
    printf("moved %" PRIu64 " of %" PRIu64 "\n", completed_count, moved_count);
    caller_close(&caller);
    json_decref(options);
    return completed_count == moved_count ? 0 : 1;
}
