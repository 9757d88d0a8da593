/* Plain lines: what a pipe or a screen reader gets. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "tui/plain.h"
#include "tui/scripted.h"

/* The lines of a whole run; the caller frees them. */
static char *lines_of(struct scripted *s, int *status)
{
    char *text = NULL;
    size_t count = 0;
    FILE *out = open_memstream(&text, &count);
    *status = plain_play(&s->session, out);
    fclose(out);
    return text;
}

static void assert_in_order(const char *text, const char *const *parts)
{
    const char *at = text;
    for (; *parts != NULL; parts++) {
        const char *found = strstr(at, *parts);
        if (found == NULL)
            fail_msg("\"%s\" is not (in its place) in:\n%s", *parts, text);
        at = found + strlen(*parts);
    }
}

static void each_mode_is_told_in_order(void **state)
{
    static const char *const parts[MODE_COUNT][16] = {
        [MODE_STOP_AND_COPY] =
            {"moves from host A to host B by stop-and-copy.", "200.0 Mbit/s", "Forecast: downtime",
             "1.000000 s: the move starts.\n",
             "1.000200 s: the guest is paused: the downtime begins.",
             "1.673992 s: round 0, paused: 4,096 pages (forecast 4,096) in 673.8 ms.",
             "the guest runs at host B. The downtime was 674.5 ms (forecast",
             "the move is complete", "4,096 pages sent, 0 of them again", "Clients: ", " 0 wrong;",
             "longest silence", NULL},
        [MODE_PRE_COPY] = {"by pre-copy.", "the move starts. The guest runs on at host A.",
                           "round 0: 4,096 pages (forecast", "meanwhile", "pages dirtied.",
                           "round 1: ", "round 2: ", "the guest is paused", ", paused: ",
                           "The downtime was", "the move is complete", "Clients: ", NULL},
        [MODE_POST_COPY] = {"by post-copy.", "the guest is paused", "the guest runs at host B",
                            "Its missing pages follow", "the move is complete",
                            "Post-copy: 400 page faults, 3,696 pages pushed.",
                            "Waiting for a page: half within", NULL},
        [MODE_HYBRID] = {"by hybrid.", "round 0: 4,096 pages", "the guest is paused",
                         "the guest runs at host B", "Its missing pages follow",
                         "the move is complete", "Post-copy: ", NULL},
    };
    (void)state;
    for (int mode = 0; mode < MODE_COUNT; mode++) {
        int status;
        struct scripted *s = scripted_open((enum mode)mode, 4096, NS_PER_S);
        char *text = lines_of(s, &status);
        assert_int_equal(status, 0);
        assert_in_order(text, parts[mode]);
        for (const char *at = text; *at != '\0'; at++) /* nothing that a reader would spell out */
            assert_true(*at == '\n' || (*at >= ' ' && *at < 0x7f));
        const char *last = strstr(text, s->session.verdict);
        assert_non_null(last);
        assert_string_equal(last + strlen(s->session.verdict), "\n");
        free(text);
        scripted_close(&s->session);
    }
}

/* A real guest goes back as well: from B to A. */
static void hosts_are_called_by_their_names(void **state)
{
    static const char *const parts[] = {"moves from host B to host A by hybrid.", "one way. ",
                                        "runs on at host B.", "the guest runs at host A.", NULL};
    int status;
    struct scripted *s = scripted_open(MODE_HYBRID, 4096, NS_PER_S);
    (void)state;
    s->session.facts.is_real = true;
    s->session.facts.host_letters[HOST_SOURCE] = 'B';
    s->session.facts.host_letters[HOST_TARGET] = 'A';
    char *text = lines_of(s, &status);
    assert_in_order(text, parts);
    assert_null(strstr(text, "Seed"));
    free(text);
    scripted_close(&s->session);
}

/* A limit that the rounds could not meet: what became of the move, in one sentence. */
static void a_limit_that_was_not_met_is_told(void **state)
{
    static const struct {
        uint64_t switch_ns, abort_ns;
        const char *parts[4];
    } rows[] = {
        {SCRIPTED_NEVER,
         SCRIPTED_NEVER,
         {"the downtime limit; it was paused all the same.", "the guest runs", NULL}},
        {2 * NS_PER_S,
         SCRIPTED_NEVER,
         {"the downtime limit; post-copy took over.", "the guest runs", NULL}},
        {SCRIPTED_NEVER,
         2 * NS_PER_S,
         {"the downtime limit; it was given up.", "the guest runs at host A as if nothing", NULL}},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        int status;
        struct scripted *s = scripted_open(MODE_PRE_COPY, 4096, NS_PER_S);
        s->switch_ns = rows[i].switch_ns;
        s->abort_ns = rows[i].abort_ns;
        scripted_rewrite(s);
        for (size_t j = 0; j < s->events.count; j++) /* each round's forecast becomes a verdict */
            if (s->events.items[j].kind == EVENT_DOWNTIME_FORECAST)
                s->events.items[j].kind = EVENT_LIMIT_EXCEEDED;
        char *text = lines_of(s, &status);
        assert_in_order(text, rows[i].parts);
        assert_null(strstr(text, "exceeded"));
        free(text);
        scripted_close(&s->session);
    }
}

/* It does not matter in which pieces the time passes: the same lines event by event. */
static bool is_stepping;
static void stepping_advance(struct session *session, uint64_t until_ns)
{
    (void)until_ns;
    is_stepping = scripted_step(session);
}

static void the_lines_do_not_depend_on_the_pieces(void **state)
{
    (void)state;
    for (int mode = 0; mode < MODE_COUNT; mode++) {
        struct session_ops stepping;
        int status;
        struct scripted *whole = scripted_open((enum mode)mode, 4096, NS_PER_S);
        struct scripted *pieces = scripted_open((enum mode)mode, 4096, NS_PER_S);
        stepping = *pieces->session.ops;
        stepping.advance = stepping_advance;
        pieces->session.ops = &stepping;
        char *a = lines_of(whole, &status);
        char *b = lines_of(pieces, &status);
        assert_string_equal(a, b);
        free(a);
        free(b);
        scripted_close(&whole->session);
        scripted_close(&pieces->session);
    }
}

static void a_broken_rule_is_status_1(void **state)
{
    int status;
    struct scripted *s = scripted_open(MODE_PRE_COPY, 256, NS_PER_MS);
    (void)state;
    s->is_broken_at_end = true;
    free(lines_of(s, &status));
    assert_int_equal(status, 1);
    scripted_close(&s->session);
}

static void an_output_that_cannot_be_written_is_status_1(void **state)
{
    struct scripted *s = scripted_open(MODE_PRE_COPY, 256, NS_PER_MS);
    FILE *full = fopen("/dev/full", "w");
    (void)state;
    assert_non_null(full);
    assert_int_equal(plain_play(&s->session, full), 1);
    fclose(full);
    scripted_close(&s->session);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_mode_is_told_in_order),
        cmocka_unit_test(hosts_are_called_by_their_names),
        cmocka_unit_test(a_limit_that_was_not_met_is_told),
        cmocka_unit_test(the_lines_do_not_depend_on_the_pieces),
        cmocka_unit_test(a_broken_rule_is_status_1),
        cmocka_unit_test(an_output_that_cannot_be_written_is_status_1),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
