/* A strategy in a machine of its own: the same events as one that is compiled into the engine; and
 * whatever it does, nobody is harmed and it is told where. */
#include "exercises/workbench.h"

#include "base/units.h"
#include "exercises/seat.h"
#include "sim/run.h"
#include "sim/scripted.h"

/* ---- The same strategy, compiled for this computer ---- */

/* Of seat_guest.c, which is linked to this test together with samples/01/right.c. */
void seat_decide(const uint64_t *view_words, void *memo, uint64_t *action_words);
uint64_t seat_call(uint64_t function, uint64_t a, uint64_t b, uint64_t c);

static const struct view *native_view; /* of the call that is going on */

uint64_t seat_call(uint64_t function, uint64_t a, uint64_t b, uint64_t c)
{
    const struct bitmap *set = b == SEAT_PAGES_TO_SEND ? native_view->to_send : native_view->sent;

    if (a >= native_view->total_pages)
        return function == SEAT_PAGE_NEXT ? PAGE_NONE : 0;
    return function == SEAT_PAGE_NEXT  ? bitmap_next(set, a)
           : function == SEAT_PAGE_RUN ? bitmap_run(set, a, c)
                                       : 0;
}

static void native_next(const struct view *view, void *memo, struct action *action)
{
    uint64_t words[SEAT_VIEW_COUNT], result[SEAT_ACTION_COUNT];

    native_view = view;
    seat_words_of(view, words);
    seat_decide(words, memo, result);
    *action = (struct action){.kind = (enum action_kind)result[SEAT_KIND],
                              .first_idx = result[SEAT_FIRST_IDX],
                              .count = result[SEAT_COUNT]};
}

/* ---- Runs ---- */

static void stop_and_copy_of(struct scenario *scenario, const char *words)
{
    char all[400];
    snprintf(all, sizeof all, "mode=stop-and-copy run-for=0ms start-at=10ms %s", words);
    scenario_of(scenario, all);
}

/* The recording's digest, which stands for every event of the run. */
static uint64_t digest_of_run(const char *words, const struct strategy *strategy, char *reason)
{
    struct scenario scenario;
    struct run run;

    stop_and_copy_of(&scenario, words);
    scenario.strategy = strategy;
    assert_int_equal(run_open(&run, &scenario, NULL, 0, false, NULL), STATUS_OK);
    run_to_end(&run);
    assert_true(oracle_holds(world_oracle(run.world)));
    uint64_t digest = recorder_digest(&run.recorder);
    if (reason != NULL)
        snprintf(reason, 240, "%s", world_reason(run.world));
    run_close(&run);
    scenario_fini(&scenario);
    return digest;
}

static struct seat *seat_of(const struct program *program, bool is_traced)
{
    struct problem problem = {STATUS_OK, ""};
    struct seat *seat;

    if (!program->is_built)
        fail_msg("%s", (const char *)program->messages.data);
    if (seat_open(&seat, program, MODE_STOP_AND_COPY, is_traced, &problem) != STATUS_OK)
        fail_msg("%s", problem.text);
    return seat;
}

static const char busy[] = "guest=model:uniform memory=2MiB dirty-rate=20kpages/s seed=3";

static void the_same_events_as_in_the_engine(void **state)
{
    static const char *const scenarios[] = {
        busy,
        "guest=model:idle memory=4KiB",
        "guest=model:uniform memory=64MiB dirty-rate=50kpages/s bandwidth=10Gbit/s seed=7",
        "guest=model:uniform memory=1MiB dirty-rate=500pages/s bandwidth=20Mbit/s latency=5ms",
        "guest=model:uniform memory=1GiB dirty-rate=9kpages/s bandwidth=40Gbit/s seed=11",
    };
    const struct strategy native = {MODE_STOP_AND_COPY, native_next, (void *)scenarios, NULL};
    struct program program;
    (void)state;

    build_file(&program, SAMPLES "right.c");
    struct seat *plain = seat_of(&program, false), *traced = seat_of(&program, true);
    for (size_t i = 0; i < sizeof scenarios / sizeof scenarios[0]; i++) {
        uint64_t expected = digest_of_run(scenarios[i], &native, NULL);
        assert_int_equal(digest_of_run(scenarios[i], seat_strategy(plain), NULL), expected);
        assert_int_equal(digest_of_run(scenarios[i], seat_strategy(traced), NULL), expected);
        /* The engine's own stop_and_copy.c decides the same. */
        assert_int_equal(digest_of_run(scenarios[i], NULL, NULL), expected);
    }
    assert_true(seat_counts(plain)->decisions > 100); /* of the last run */
    assert_int_equal(seat_counts(plain)->decisions, seat_counts(traced)->decisions);
    assert_int_equal(seat_counts(plain)->instructions, seat_counts(traced)->instructions);
    assert_false(seat_code(plain)->has_failed);
    seat_close(plain);
    seat_close(traced);
    program_fini(&program);
}

/* ---- What a strategy sees ---- */

/* Every member of the view has a value of its own here, and is said. */
static void every_member_of_the_view_arrives(void **state)
{
    static const char code[] = "struct action next(const struct view *view, void *memo)\n{\n"
                               "    say(\"phase\", view->phase == PHASE_PAUSE);\n"
                               "    say(\"idle\", view->is_link_idle);\n"
                               "    say(\"now\", view->now_ns);\n"
                               "    say(\"total\", view->total_pages);\n"
                               "    say(\"to send\", view->pages_to_send);\n"
                               "    say(\"page\", view->page_bytes);\n"
                               "    say(\"state\", view->state_bytes);\n"
                               "    say(\"rtt\", view->half_rtt_ns);\n"
                               "    say(\"rounds\", view->rounds_done);\n"
                               "    say(\"sent\", view->last_round.pages_sent);\n"
                               "    say(\"bytes\", view->last_round.bytes_sent);\n"
                               "    say(\"dirtied\", view->last_round.dirtied_pages);\n"
                               "    say(\"took\", view->last_round.duration_ns);\n"
                               "    say(\"limit\", view->downtime_limit_ns);\n"
                               "    say(\"most\", view->max_rounds);\n"
                               "    say(\"next to send\", page_next(view, 3, PAGE_TO_SEND));\n"
                               "    say(\"next sent\", page_next(view, 3, PAGE_SENT));\n"
                               "    say(\"none\", page_next(view, 7, PAGE_SENT) == PAGE_NONE);\n"
                               "    say(\"run\", page_run(view, 8, PAGE_TO_SEND, 100));\n"
                               "    say(\"run of\", page_run(view, 8, PAGE_TO_SEND, 3));\n"
                               "    say(\"outside\", page_run(view, 99, PAGE_SENT, 3));\n"
                               "    say(\"memo\", *(uint64_t *)memo);\n"
                               "    *(uint64_t *)memo = 77;\n"
                               "    return (struct action){ACTION_SEND, 123, 456};\n}\n";
    static const char said[] = "phase 1\nidle 1\nnow 11\ntotal 20\nto send 12\npage 13\nstate 14\n"
                               "rtt 15\nrounds 16\nsent 17\nbytes 18\ndirtied 19\ntook 21\n"
                               "limit 22\nmost 23\nnext to send 8\nnext sent 6\nnone 1\nrun 12\n"
                               "run of 3\noutside 0\nmemo 66\n";
    struct bitmap to_send, sent;
    struct program program;
    struct action action = {.kind = ACTION_WAIT};
    _Alignas(16) uint64_t memo[MEMO_BYTES / 8] = {66};
    (void)state;
    bitmap_init(&to_send, 20);
    bitmap_init(&sent, 20);
    for (uint64_t i = 8; i < 20; i++)
        bitmap_set(&to_send, i);
    bitmap_set(&sent, 6);
    build_text(&program, code);
    struct seat *seat = seat_of(&program, false);
    struct view view = {
        .phase = PHASE_PAUSE,
        .now_ns = 11,
        .total_pages = 20,
        .to_send = &to_send,
        .sent = &sent,
        .rounds_done = 16,
        .last = {.pages_sent = 17, .bytes_sent = 18, .dirtied_pages = 19, .duration_ns = 21},
        .is_link_idle = true,
        .page_bytes = 13,
        .state_bytes = 14,
        .half_rtt_ns = 15,
        .limits = {.downtime_ns = 22, .max_rounds = 23},
        .outside = seat,
    };
    seat_strategy(seat)->next(&view, memo, &action);
    assert_string_equal(seat_said(seat), said);
    assert_int_equal(action.kind, ACTION_SEND);
    assert_int_equal(action.first_idx, 123);
    assert_int_equal(action.count, 456);
    assert_int_equal(memo[0], 77);
    /* A call of the host is an instruction like any other. */
    uint64_t instructions = seat_counts(seat)->instructions;
    assert_true(instructions > 22 && instructions < SEAT_BUDGET);
    seat_close(seat);
    program_fini(&program);
    bitmap_fini(&to_send);
    bitmap_fini(&sent);
}

/* ---- What survives a call ---- */

#define BEGIN "struct action next(const struct view *view, void *memo)\n{\n"
#define GOES_ON                                                                                 \
    "    (void)memo;\n"                                                                         \
    "    if (view->phase == PHASE_COPY)\n        return (struct action){ACTION_PAUSE, 0, 0};\n" \
    "    uint64_t first = page_next(view, 0, PAGE_TO_SEND);\n"                                  \
    "    if (first == PAGE_NONE)\n        return (struct action){ACTION_HAND_OVER, 0, 0};\n"    \
    "    return (struct action){ACTION_SEND, first, page_run(view, first, PAGE_TO_SEND, "       \
    "4096)};\n}\n"

static void only_the_memo_outlives_a_call(void **state)
{
    static const char code[] =
        "static uint64_t calls = 40, zero;\n" BEGIN "    uint64_t *kept = memo;\n"
        "    say(\"calls\", ++calls + zero++);\n"
        "    say(\"kept\", (*kept)++);\n" GOES_ON;
    struct program program;
    (void)state;
    build_text(&program, code);
    struct seat *seat = seat_of(&program, false);
    digest_of_run("guest=model:idle memory=256KiB", seat_strategy(seat), NULL);
    static const char said[] = "calls 41\nkept 0\ncalls 41\nkept 1\ncalls 41\nkept 2\n";
    assert_memory_equal(seat_said(seat), said, sizeof said - 1);
    /* Another run begins anew. */
    digest_of_run("guest=model:idle memory=256KiB", seat_strategy(seat), NULL);
    assert_memory_equal(seat_said(seat), said, sizeof said - 1);
    seat_close(seat);
    program_fini(&program);
}

/* It fills its stack, its variables and its desk with rubbish, and says more than is kept. Every
 * decision is the same as ever. */
static void what_a_call_leaves_behind_is_cleared_away(void **state)
{
    static const char code[] =
        "static char data[9000];\n" BEGIN
        "    volatile char *at = (volatile char *)(uintptr_t)0x80000000;\n"
        "    for (uint64_t i = 0; i < 4000; i++)\n        at[i] = (char)0xa5;\n"
        "    for (uint64_t i = 0; i < sizeof data; i++)\n        data[i] ^= (char)i;\n"
        "    volatile char *desk = (volatile char *)(uintptr_t)0x800ff000;\n"
        "    for (uint64_t i = 128; i < 512; i++)\n        desk[i] = 7;\n"
        "    if (data[5] != 5)\n        return (struct action){ACTION_GIVE_UP, 0, 0};\n"
        "    for (int i = 0; i < 300; i++)\n        say(\"a\\033[2J\\tlong\\x7f \\xc2\\x9b\\xff "
        "\u9875\", "
        "12345);\n" GOES_ON;
    struct program program;
    (void)state;
    build_text(&program, code);
    struct seat *seat = seat_of(&program, false);
    assert_int_equal(digest_of_run(busy, seat_strategy(seat), NULL),
                     digest_of_run(busy, NULL, NULL));
    assert_true(strlen(seat_said(seat)) <= SEAT_SAID_MAX);
    assert_true(strlen(seat_said(seat)) > SEAT_SAID_MAX - 100);
    static const char line[] = "a?[2J long? ??? \u9875 12345\n";
    assert_memory_equal(seat_said(seat), line, sizeof line - 1);
    seat_close(seat);
    program_fini(&program);
}

/* ---- Decisions that cannot be made ---- */

static void faults_are_told_with_file_line_and_function(void **state)
{
    static const struct {
        const char *code, *reason;
    } rows[] = {
        {"static void spin(void)\n{\n    for (;;)\n        ;\n}\n" BEGIN
         "    (void)memo;\n    if (view->now_ns > 0)\n        spin();\n    return (struct "
         "action){0};\n}\n",
         "mine.c:4: in spin: an endless loop: 1000000 instructions without a decision"},
        {BEGIN "    (void)view;\n    for (;;)\n        say(\"and on\", *(char *)memo);\n}\n",
         "mine.c:6: in next: an endless loop: 1000000 instructions without a decision"},
        {BEGIN "    (void)view;\n    **(uint64_t **)memo = 1;\n    return (struct action){0};\n}\n",
         "mine.c:5: in next: a write through a null pointer (address 0x0)"},
        {BEGIN
         "    (void)view;\n    uint64_t **wild = memo;\n    *wild = (uint64_t *)0x123456789abc;\n"
         "    return (struct action){ACTION_SEND, **wild, 1};\n}\n",
         "mine.c:7: in next: a read through a wild pointer (address 0x123456789abc)"},
        {"static uint64_t deep(uint64_t n)\n{\n    volatile uint64_t much[50] = {n};\n"
         "    return deep(n + 1) + much[3];\n}\n" BEGIN
         "    (void)memo;\n    return (struct action){ACTION_SEND, deep(view->now_ns), 1};\n}\n",
         "in deep: the stack of 64 KiB is used up (a function that calls itself, or a large "
         "variable?)"},
        {BEGIN "    (void)view;\n    void (**call)(void) = memo;\n    (*call)();\n"
               "    return (struct action){0};\n}\n",
         "mine.c:6: in next: a jump to 0x0, where no code is (a wild function pointer?)"},
        {BEGIN "    (void)view, (void)memo;\n    *(volatile char *)(uintptr_t)next = 1;\n"
               "    return (struct action){0};\n}\n",
         "mine.c:5: in next: a write into the program itself (through a wild pointer?)"},
        {BEGIN "    (void)view, (void)memo;\n    volatile char large[300000];\n    large[5] = 1;\n"
               "    return (struct action){ACTION_SEND, large[5], 1};\n}\n",
         "in next: the stack of 64 KiB is used up (a function that calls itself, or a large "
         "variable?)"},
        {BEGIN "    (void)view;\n    ((char *)memo)[256] = 1;\n    return (struct action){0};\n}\n",
         "mine.c: a write behind the memo, which has 256 bytes"},
        /* Lines that there are not, and a name that would fill the message and steer a terminal. */
        {BEGIN
         "    (void)view, (void)memo;\n#line 1000000 \"mine.c\"\n    *(volatile char *)0 = 1;\n"
         "    return (struct action){0};\n}\n",
         "mine.c:3: in next: a write through a null pointer (address 0x0)"},
        {"void evil(void) __asm__(\"\\033[31m\\n_______________________________________________"
         "__________________________________________________________________________________\");\n"
         "void evil(void)\n{\n    *(volatile char *)0 = 1;\n}\n" BEGIN
         "    (void)view, (void)memo;\n    evil();\n    return (struct action){0};\n}\n",
         "mine.c:5: in ?[31m?______________________________________________________: a write "
         "through a null pointer (address 0x0)"},
        {BEGIN "    (void)view, (void)memo;\n    __builtin_trap();\n}\n",
         "mine.c:5: in next: illegal instruction (0x0)"},
        {BEGIN "    (void)memo;\n    return (struct action){ACTION_SEND, page_next(view, 0, "
               "(enum page_kind)9), 1};\n}\n",
         "mine.c:5: in next: pages of kind 9: write PAGE_TO_SEND or PAGE_SENT"},
        {BEGIN
         "    (void)view, (void)memo;\n    __asm__ volatile(\"li a7, 77; ecall\" ::: \"a7\");\n"
         "    return (struct action){0};\n}\n",
         "mine.c:5: in next: an environment call that there is not (a7 = 77)"},
        {BEGIN "    (void)view, (void)memo;\n    __asm__ volatile(\"wfi\");\n"
               "    return (struct action){0};\n}\n",
         "mine.c:5: in next: a wait for an interrupt: none will come"},
        {BEGIN "    (void)view, (void)memo;\n    say((const char *)1, 1);\n"
               "    return (struct action){0};\n}\n",
         "mine.c:5: in next: a read through a null pointer (address 0x1)"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct program program;
        char reason[240];
        build_text(&program, rows[i].code);
        struct seat *seat = seat_of(&program, i % 2 == 0);
        digest_of_run(busy, seat_strategy(seat), reason);
        if (strstr(reason, rows[i].reason) == NULL)
            fail_msg("row %zu: \"%s\" is not \"%s\"", i, reason, rows[i].reason);
        assert_true(seat_code(seat)->has_failed);
        assert_true(seat_counts(seat)->instructions_max <= SEAT_BUDGET);
        seat_close(seat);
        program_fini(&program);
    }
}

/* Each decision is within its bounds, and all of them together are not. */
static void a_run_has_a_budget_too(void **state)
{
    static const char code[] = BEGIN
        "    (void)memo;\n"
        "    for (volatile uint64_t i = 0; i < 60000; i++)\n        ;\n"
        "    if (view->phase == PHASE_COPY)\n        return (struct action){ACTION_PAUSE, 0, 0};\n"
        "    return (struct action){ACTION_SEND, 0, 1};\n}\n";
    static const char look[] = BEGIN
        "    (void)memo;\n    for (;;)\n        page_run(view, 0, PAGE_TO_SEND, 1u << 30);\n}\n";
    struct program program;
    char reason[240];
    (void)state;
    build_text(&program, code);
    struct seat *seat = seat_of(&program, false);
    digest_of_run("guest=model:idle memory=4KiB", seat_strategy(seat), reason);
    assert_non_null(strstr(reason, "10020000 instructions are used up in one run"));
    assert_true(seat_counts(seat)->instructions >= SEAT_RUN_BUDGET + SEAT_PAGE_BUDGET);
    assert_true(seat_counts(seat)->instructions < SEAT_RUN_BUDGET + 2 * SEAT_PAGE_BUDGET);
    seat_close(seat);
    program_fini(&program);
    /* What the host does for it counts as well: a page set is not looked through for nothing. */
    build_text(&program, look);
    seat = seat_of(&program, false);
    digest_of_run("guest=model:idle memory=4GiB", seat_strategy(seat), reason);
    assert_non_null(strstr(reason, "an endless loop"));
    assert_true(seat_counts(seat)->decisions == 1);
    assert_true(seat_counts(seat)->instructions < SEAT_BUDGET + 20000);
    seat_close(seat);
    program_fini(&program);
}

/* Actions that only the engine's own strategies may ask for are none; and a range left in an action
 * that has none means nothing. */
static void what_student_h_does_not_know_is_not_open(void **state)
{
    static const struct {
        const char *code, *reason;
    } rows[] = {
        {BEGIN "    (void)memo;\n    (void)view;\n"
               "    return (struct action){.kind = (enum action_kind)7};\n}\n",
         "the strategy asked for action 7: there is none"},
        {BEGIN "    (void)memo;\n    if (view->phase == PHASE_COPY)\n"
               "        return (struct action){.kind = ACTION_PAUSE};\n"
               "    return (struct action){.kind = (enum action_kind)6};\n}\n",
         "the strategy asked for action 6: there is none"},
        {BEGIN "    uint64_t *fetches = memo, first = page_next(view, 0, PAGE_TO_SEND);\n"
               "    struct action a = {ACTION_SEND, first, 1};\n"
               "    if (view->phase == PHASE_PAUSE)\n        a.kind = ACTION_HAND_OVER;\n"
               "    else if (first == PAGE_NONE)\n"
               "        a.kind = (*fetches)++ < 3 ? ACTION_FETCH : ACTION_PAUSE;\n"
               "    return a;\n}\n",
         "the strategy asked for the pause"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct program program;
        char reason[240];
        build_text(&program, rows[i].code);
        struct seat *seat = seat_of(&program, false);
        digest_of_run("guest=model:idle memory=16KiB", seat_strategy(seat), reason);
        assert_string_equal(reason, rows[i].reason);
        seat_close(seat);
        program_fini(&program);
    }
}

/* ---- What a view is shown ---- */

static void the_lines_of_a_decision_are_known(void **state)
{
    static const char code[] = "static uint64_t first(const struct view *view)\n"      /* 2 */
                               "{\n"                                                   /* 3 */
                               "    if (view->total_pages == 0)\n"                     /* 4 */
                               "        return 9;\n"                                   /* 5 */
                               "    return page_next(view, 0, PAGE_TO_SEND);\n"        /* 6 */
                               "}\n"                                                   /* 7 */
        BEGIN                                                                          /* 8, 9 */
                               "    (void)memo;\n"                                     /* 10 */
                               "    if (view->phase == PHASE_COPY)\n"                  /* 11 */
                               "        return (struct action){ACTION_PAUSE, 0, 0};\n" /* 12 */
                               "    if (first(view) == PAGE_NONE)\n"                   /* 13 */
                               "        return (struct action){ACTION_HAND_OVER, 0, 0};\n"  /* 14 */
                               "    say(\"first\", first(view));\n"                         /* 15 */
                               "    return (struct action){ACTION_SEND, first(view), 1};\n" /* 16 */
                               "}\n";
    struct program program;
    struct scenario scenario;
    struct run run;
    (void)state;

    build_text(&program, code);
    struct seat *seat = seat_of(&program, true);
    const struct session_code *shown = seat_code(seat);
    assert_string_equal(shown->name, "mine.c");
    assert_string_equal(shown->lines[11], "        return (struct action){ACTION_PAUSE, 0, 0};");
    assert_int_equal(shown->decided_at_ns, UINT64_MAX);
    stop_and_copy_of(&scenario, "guest=model:idle memory=16KiB");
    scenario.strategy = seat_strategy(seat);
    assert_int_equal(run_open(&run, &scenario, NULL, 0, false, NULL), STATUS_OK);
    while (run.timeline.pages_sent < 1)
        assert_true(run_step(&run));
    assert_string_equal(shown->decision, "PAUSE, then SEND 1 page from page 0 on");
    assert_true(shown->is_passed[11]); /* PAUSE is seen as well, */
    assert_int_equal(shown->line, 16);
    while (run.timeline.pages_sent < 2)
        assert_true(run_step(&run));
    assert_false(shown->is_passed[11]); /* and is over then */
    assert_int_equal(shown->line, 16);
    assert_string_equal(shown->decision, "SEND 1 page from page 1 on");
    assert_string_equal(shown->said, "first 1\n");
    assert_int_equal(shown->decided_at_ns, run.timeline.now_ns);
    static const bool passed[] = {0, 0, 1, 1, 0, 1, 1, 1, 1, 0, 1, 0, 1, 0, 1, 1, 1};
    for (uint32_t line = 2; line <= 17; line++)
        if (line != 3 && line != 8 &&
            line != 9) /* where a function begins is the compiler's choice */
            if (shown->is_passed[line - 1] != passed[line - 1])
                fail_msg("line %u: %d", line, shown->is_passed[line - 1]);
    while (run.timeline.phase != PHASE_HAND_OVER)
        assert_true(run_step(&run));
    assert_int_equal(shown->line, 14);
    assert_string_equal(shown->decision, "HAND_OVER");
    run_close(&run);
    /* A run that begins has passed nowhere yet. */
    assert_int_equal(run_open(&run, &scenario, NULL, 0, false, NULL), STATUS_OK);
    assert_int_equal(shown->decided_at_ns, UINT64_MAX);
    for (uint32_t line = 0; line < shown->line_count; line++)
        assert_false(shown->is_passed[line]);
    run_close(&run);
    scenario_fini(&scenario);
    seat_close(seat);
    program_fini(&program);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_same_events_as_in_the_engine),
        cmocka_unit_test(every_member_of_the_view_arrives),
        cmocka_unit_test(only_the_memo_outlives_a_call),
        cmocka_unit_test(what_a_call_leaves_behind_is_cleared_away),
        cmocka_unit_test(faults_are_told_with_file_line_and_function),
        cmocka_unit_test(a_run_has_a_budget_too),
        cmocka_unit_test(what_student_h_does_not_know_is_not_open),
        cmocka_unit_test(the_lines_of_a_decision_are_known),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
