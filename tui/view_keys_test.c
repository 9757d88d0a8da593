/* Each key of the view, pressed at a terminal: it does what the help says of it. */
#include "tui/keys.h"
#include "tui/show.h"

/* ---- Keys: each character of each entry of the table does what the help says. ---- */

/* The clock as it stands there: what is before " s  " in the first row. */
static double clock_of(struct terminal *terminal)
{
    char line[1024];
    VTermRect first = {0, 1, 0, terminal->columns};
    line[vterm_screen_get_text(terminal->screen, line, sizeof line - 1, first)] = '\0';
    char *end = strstr(line, " s  ");
    if (end == NULL)
        return -1;
    while (end > line && end[-1] != ' ')
        end--;
    return atof(end);
}

static void key_play(struct terminal *terminal, const char *key)
{
    terminal_type(terminal, key);
    assert_shows(terminal, "stopped");
    double clock = clock_of(terminal);
    for (int i = 0; i < 10; i++)
        terminal_take(terminal, 20);
    assert_true(clock_of(terminal) == clock);
    terminal_type(terminal, key);
    assert_no_more(terminal, "stopped");
    while (clock_of(terminal) <= clock)
        assert_true(terminal_take(terminal, 50));
}

static void key_step_event(struct terminal *terminal, const char *key)
{
    terminal_type(terminal, key);
    assert_shows(terminal, "stopped");
    assert_shows(terminal, "Event ");
    unsigned long before = strtoul(strstr(terminal_text(terminal), "Event ") + 6, NULL, 10);
    for (unsigned long i = 1; i <= 5; i++) {
        char wanted[32];
        terminal_type(terminal, key);
        snprintf(wanted, sizeof wanted, "Event %lu:", before + i);
        assert_shows(terminal, wanted);
    }
}

static void key_back(struct terminal *terminal, const char *key)
{
    key_step_event(terminal, "s");
    unsigned long last = strtoul(strstr(terminal_text(terminal), "Event ") + 6, NULL, 10);
    for (unsigned long i = 0; i < 3; i++) {
        char wanted[64];
        terminal_type(terminal, key);
        snprintf(wanted, sizeof wanted, "event %lu comes next", last - i);
        assert_shows(terminal, wanted);
        assert_shows(terminal, "stopped");
    }
    terminal_type(terminal, "s");
    char wanted[64];
    snprintf(wanted, sizeof wanted, "Event %lu:", last - 2);
    assert_shows(terminal, wanted);
}

/* Without code there is none to show; with some it is there, and the key takes it away. */
static void key_code(struct terminal *terminal, const char *key)
{
    terminal_type(terminal, key);
    assert_shows(terminal, "there is no code to show");
    struct show show = usual;
    show.has_code = true;
    show.at_ns = NS_PER_S / 2;
    struct terminal *other = open_show(&show, 24, 80);
    assert_shows(other, "THE CODE stop_and_copy.c");
    assert_shows(other, "0.500000 s  stopped");
    assert_shows(other, "PAUSE  1,234 instructions");
    assert_shows(other, "5 \u00b7     if (view->phase == PHASE_COPY)");
    assert_shows(other, "6 \u00bb         return (struct action){.kind = ACTION_PAUSE};");
    assert_shows(other, "it said: first page 7");
    terminal_type(other, key);
    assert_shows(other, "ROUNDS");
    terminal_type(other, key);
    assert_shows(other, "THE CODE");
    /* In another mode another strategy decides. */
    terminal_type(other, "3");
    assert_shows(other, "ROUNDS");
    quit(other);
}

static void key_step_round(struct terminal *terminal, const char *key)
{
    terminal_type(terminal, key);
    assert_shows(terminal, "round 0");
    assert_shows(terminal, "stopped");
    terminal_type(terminal, key);
    assert_shows(terminal, "Round 1 sends");
    terminal_type(terminal, key);
    assert_shows(terminal, "Round 2 sends");
    assert_shows(terminal, "stopped");
}

static void key_faster(struct terminal *terminal, const char *key)
{
    terminal_type(terminal, key);
    assert_shows(terminal, "2x faster");
    terminal_type(terminal, key);
    assert_shows(terminal, "4x faster");
}

static void key_slower(struct terminal *terminal, const char *key)
{
    terminal_type(terminal, key);
    assert_shows(terminal, "2x slower");
    terminal_type(terminal, key);
    assert_shows(terminal, "4x slower");
}

static void key_automatic(struct terminal *terminal, const char *key)
{
    terminal_type(terminal, "---");
    assert_shows(terminal, "8x slower");
    terminal_type(terminal, key);
    assert_shows(terminal, "real time");
}

static void key_start(struct terminal *terminal, const char *key)
{
    assert_shows(terminal, "round -");
    terminal_type(terminal, key);
    assert_shows(terminal, "Round 0 sends all");
    terminal_type(terminal, key);
    assert_shows(terminal, "The move has started already.");
    assert_shows(terminal, "(m move)");
}

static void key_post_copy(struct terminal *terminal, const char *key)
{
    terminal_type(terminal, key);
    assert_shows(terminal, "the move has not started");
    terminal_type(terminal, "m");
    assert_shows(terminal, "Round 0 sends all");
    terminal_type(terminal, key);
    assert_shows(terminal, "to come");
    assert_shows(terminal, "runs with faults");
    terminal_type(terminal, key);
    assert_shows(terminal, "This is post-copy already.");
}

static void key_abort(struct terminal *terminal, const char *key)
{
    terminal_type(terminal, key);
    assert_shows(terminal, "nothing to give up");
    terminal_type(terminal, "m");
    assert_shows(terminal, "Round 0 sends all");
    terminal_type(terminal, key);
    assert_shows(terminal, "The move was given up.");
}

static void key_replay(struct terminal *terminal, const char *key)
{
    static const char *const titles[] = {"kv by stop-and-copy", "kv by pre-copy", "kv by post-copy",
                                         "kv by hybrid"};
    terminal_type(terminal, "+++++");
    assert_shows(terminal, "32x faster");
    terminal_type(terminal, "m");
    assert_shows(terminal, "0 wrong; longest silence");
    terminal_type(terminal, "0"); /* slow enough to be seen */
    terminal_type(terminal, key);
    assert_no_more(terminal, "WHAT THIS SHOWED");
    assert_shows(terminal, titles[key[0] - '1']);
    terminal_type(terminal, "+++++");
    assert_shows(terminal, "WHAT THIS SHOWED");
    assert_shows(terminal, titles[key[0] - '1']);
}

/* Nothing was left behind: but from the past it leads to where the past ends, and plays on. */
static void key_now(struct terminal *terminal, const char *key)
{
    terminal_type(terminal, key);
    assert_shows(terminal, "This is the last that is known.");
}

static void key_link(struct terminal *terminal, const char *key)
{
    terminal_type(terminal, key);
    assert_shows(terminal, "This cannot be steered, only watched.");
}

static void key_help(struct terminal *terminal, const char *key)
{
    terminal_type(terminal, key);
    assert_shows(terminal, " KEYS ");
    for (int i = 0; i < key_count(); i++)
        if (key_at(i)->name != NULL)
            assert_shows(terminal, key_at(i)->help);
    assert_shows(terminal, "round");
    assert_shows(terminal, "downtime");
    /* Nothing is missed by who reads it: the time stands still, and goes on afterwards. */
    assert_shows(terminal, "stopped");
    double clock = clock_of(terminal);
    for (int i = 0; i < 10; i++)
        terminal_take(terminal, 20);
    assert_true(clock_of(terminal) == clock);
    terminal_type(terminal, key);
    assert_no_more(terminal, " KEYS ");
    assert_no_more(terminal, "stopped");
    while (clock_of(terminal) <= clock)
        assert_true(terminal_take(terminal, 50));
    terminal_type(terminal, key);
    assert_shows(terminal, " KEYS ");
    terminal_type(terminal, "\033");
    assert_no_more(terminal, " KEYS ");
}

static void each_key_does_what_the_help_says(void **state)
{
    static void (*const checks[])(struct terminal *, const char *) = {
        [KEY_PLAY] = key_play,
        [KEY_STEP_EVENT] = key_step_event,
        [KEY_STEP_ROUND] = key_step_round,
        [KEY_BACK] = key_back,
        [KEY_CODE] = key_code,
        [KEY_FASTER] = key_faster,
        [KEY_SLOWER] = key_slower,
        [KEY_AUTOMATIC] = key_automatic,
        [KEY_START] = key_start,
        [KEY_POST_COPY] = key_post_copy,
        [KEY_ABORT] = key_abort,
        [KEY_REPLAY] = key_replay,
        [KEY_NOW] = key_now,
        [KEY_LINK] = key_link,
        [KEY_LINK_SLOWER] = key_link,
        [KEY_LINK_FASTER] = key_link,
        [KEY_HELP] = key_help,
        [KEY_QUIT] = NULL /* quit(), at the end of all the others */
    };
    (void)state;
    for (int i = 0; i < key_count(); i++) {
        const struct key *key = key_at(i);
        bool is_started_by_key = key->action == KEY_START || key->action == KEY_POST_COPY ||
                                 key->action == KEY_ABORT || key->action == KEY_REPLAY;
        for (const char *code = key->codes; *code != '\0'; code++) {
            struct show show = usual;
            char text[2] = {*code, '\0'};
            show.start_ns = is_started_by_key ? SCRIPTED_NEVER : 20 * NS_PER_S;
            if (key->action == KEY_STEP_ROUND || key->action == KEY_STEP_EVENT ||
                key->action == KEY_BACK)
                show.start_ns = NS_PER_S / 4;
            struct terminal *terminal = open_show(&show, 24, 80);
            assert_shows(terminal, "q quit");
            if (key->action != KEY_QUIT)
                checks[key->action](terminal, text);
            quit(terminal);
        }
    }
}

/* A view may stand in the past of a living world: what would change the world says so there, and
 * is possible again where the past ends. Of a recording it is said that nothing can be steered. */
static void the_past_cannot_be_steered(void **state)
{
    static const char keys[] = {'p', 'a'};
    struct scripted *scripted = scripted_open(MODE_PRE_COPY, 16384, NS_PER_S / 4);
    struct session *session = &scripted->session;
    (void)state;
    session->ops->advance(session, NS_PER_S);
    for (unsigned i = 0; i < 2; i++) {
        const struct key *key = key_find(keys[i]);
        session->facts.origin = "scripted";
        assert_null(key_obstacle(key, session));
        assert_true(session->ops->seek(session, NS_PER_S / 2));
        assert_string_equal(
            key_obstacle(key, session),
            "This is the past: it can be watched, not changed. Let it play on to now.");
        assert_null(key_obstacle(key_find('b'), session));
        assert_null(key_obstacle(key_find('2'), session));
        assert_null(key_obstacle(key_find('s'), session));
        session->facts.origin = "recording x.ferry";
        assert_string_equal(key_obstacle(key, session),
                            "A recording cannot be steered, only watched.");
        session->ops->advance(session, NS_PER_S);
    }
    session->ops->seek(session, 0);
    session->facts.origin = "scripted";
    assert_non_null(strstr(key_obstacle(key_find('m'), session), "This is the past"));
    session->ops->close(session);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_key_does_what_the_help_says),
        cmocka_unit_test(the_past_cannot_be_steered),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
