/* The labs in the terminal, through a real pseudo-terminal: the program itself, with a person's
 * keys. */
#include "labs/as_user.h"
#include "tui/terminal.h"

struct call {
    const char *lab, *language, *locale;
    bool is_colourless;
};

static int play(void *user)
{
    const struct call *call = user;
    terminal_settle("xterm-256color", call->locale != NULL ? call->locale : "C.UTF-8",
                    call->is_colourless ? "1" : NULL);
    setenv("XDG_STATE_HOME", folder, 1);
    execl(BUILD_DIR "/bin/ferry", "ferry", "lab", call->lab, "--lang", call->language,
          (char *)NULL);
    return 98;
}

static void type(struct terminal *terminal, const char *keys)
{
    terminal_type(terminal, keys);
}

static const char *row_of(struct terminal *terminal, int row)
{
    static char text[2048];
    VTermRect line = {row, row + 1, 0, terminal->columns};
    text[vterm_screen_get_text(terminal->screen, text, sizeof text - 1, line)] = '\0';
    return text;
}

/* ---- Played to the end. ---- */

/* What is pressed when the screen shows a text; the text of a page comes with it as a whole. */
struct move {
    const char *seen, *keys;
};

static void play_through(const struct call *call, int rows, int columns, const struct move *moves)
{
    struct terminal *terminal = terminal_open(rows, columns, play, (void *)call);
    for (; moves->seen != NULL; moves++) {
        wait_or_fail(terminal, moves->seen, true, __LINE__);
        type(terminal, moves->keys);
    }
    end_well(terminal);
}

/* In a small window Enter goes to the picture of a run, to its end, and on. */
static void lab_3_to_its_end_in_english(void **state)
{
    static const struct move moves[] = {
        {"step 1 of 17", "\r"},
        {"How long will the downtime be?", "2.7\r"},
        {"\"2.7\" has no unit: write a time such as 30ms", "s\r"}, /* it need only be put right */
        {"Watch it move", "\r"},
        {"HOST A (source)", "\r"},
        {"2.700 s   4.700 s  ended", "\r"},
        {"Right, within 10 %.", "\r"},
        {"The calculation", "\r"},
        {"What the clients see", "a\r"},
        {"Not quite. A connection is state too", "c\r"},
        {"Yes. Usually half", "\r"},
        {"How long will its downtime be?", "6.4s\r"},
        {"Watch it move", "\r"},
        {"model:idle by stop-and-copy", "\r"},
        {"56.398 s  ended", "\r"},
        {"Yours is an eighth of it.", "\r"},
        {"Nothing twice", "b\r"},
        {"Yes. The guest stands still", "\r"},
        {"When is it good enough?", "c\r"},
        {"You have just seen it", "\r"}, /* a wrong choice may be left so */
        {"Which bandwidth do you choose?", "25Gbit/s\r"},
        {"You chose 25Gbit/s", "22.1s\r"},
        {"your link of 25Gbit/s", "\r"},
        {"HOST A (source)", "\r"},
        {"23.219 s  ended", "\r"},
        {"Halved", "\r"},
        {"Side by side", "\r"},
        {"You predicted 2 of 3 downtimes", "\r"},
        {NULL, NULL},
    };
    (void)state;
    play_through(&(struct call){.lab = "3", .language = "en"}, 24, 80, moves);
}

/* In a large one the run begins at once, beside its text. */
static void lab_0_to_its_end_in_chinese(void **state)
{
    static const struct move moves[] = {
        {"第 1 步", "\r"},
        {"第 2 步", "\r"},
        {"客户端听到的最长沉默会是多久？", "五百\r"},
        {"“五百”不是数字：请写一个时间", "\033"}, /* Escape clears what was typed */
        {"你的答案： ", "500毫秒\r"},
        {"看：预复制", "\r"},
        {"已结束", "\r"},
        {"500.0 ms", "\r"},
        {"看：停止并复制", "\r"},
        {"1.350 s   3.850 s  已结束", ""},
        {"迁移完成：总迁移时间 1.350 s，停机时间 1.350 s。", "\r"},
        {"看：后复制", "s"},
        {"事件 ", "b"},
        {"后退了一步：接下来是事件", "\r"},
        {"kv：post-copy", ""},
        {"已结束", "\r"},
        {"放在一起看", "\r"},
        {"你会选哪个？", "a\r"},
        {"不完全对。它的客户端有", "b\r"},
        {"对。它的最长沉默是", "\r"},
        {"接下来去哪里", "\r"},
        {NULL, NULL},
    };
    (void)state;
    play_through(&(struct call){.lab = "0", .language = "zh_CN"}, 40, 130, moves);
}

/* ---- What is where. ---- */

static void go_to_the_choice(struct terminal *terminal)
{
    static const struct move moves[] = {
        {"step 1 of 17", "\r"},    {"How long will", "1s\r"}, {"Watch it move", "\r"},
        {"HOST A", "\r"},          {"ended", "\r"},           {"you predicted", "\r"},
        {"The calculation", "\r"},
    };
    for (size_t i = 0; i < sizeof moves / sizeof moves[0]; i++) {
        assert_shows(terminal, moves[i].seen);
        type(terminal, moves[i].keys);
    }
    assert_shows(terminal, "Which one? (a, b or c)");
}

static void the_question_stays_on_both_sides(void **state)
{
    struct call call = {.lab = "3", .language = "en"};
    (void)state;
    struct terminal *terminal = terminal_open(24, 80, play, &call);
    go_to_the_choice(terminal);
    assert_shows(terminal, "a) its connection broke");
    assert_non_null(strstr(row_of(terminal, 21), "Which one? (a, b or c)"));
    type(terminal, "z\t"); /* what is typed stays too */
    assert_shows(terminal, "HOST A (source)");
    assert_shows(terminal, "CLIENTS");
    assert_no_more(terminal, "a) its connection broke");
    assert_shows(terminal, "Your answer: z");
    assert_shows(terminal, "Tab text");
    assert_non_null(strstr(row_of(terminal, 21), "Which one? (a, b or c)"));
    assert_non_null(strstr(row_of(terminal, 22), "Your answer: z"));
    assert_non_null(strstr(row_of(terminal, 23), "Tab text"));
    type(terminal, "\r");
    assert_shows(terminal, "\"z\" is none of the choices: write its letter, such as a");
    type(terminal, "\tqq\177\177"); /* letters are letters here, and Backspace takes them back */
    assert_shows(terminal, "a) its connection broke");

    /* Both at once in a larger window, and one again in a small one. */
    terminal_resize(terminal, 40, 130);
    assert_shows(terminal, "HOST A (source)");
    assert_shows(terminal, "a) its connection broke");
    assert_shows(terminal, "Which one? (a, b or c)");
    terminal_resize(terminal, 20, 70);
    assert_shows(terminal, "Please make this window at least 80 columns by 24 rows.");
    terminal_resize(terminal, 2, 5); /* nothing sensible fits: it must only survive */
    terminal_resize(terminal, 24, 80);
    assert_shows(terminal, "Which one? (a, b or c)");
    assert_no_more(terminal, "HOST A (source)");

    type(terminal, "x");
    assert_shows(terminal, "Your answer: x");
    type(terminal, "\033");
    assert_no_more(terminal, "Your answer: x");
    type(terminal, "\033");
    assert_true(terminal_wait_picture(terminal, false));
    assert_shows(terminal, "ferry lab 3 goes on where you stopped.");
    end_well(terminal);

    /* Taken up again: there is no picture now, and all that was measured is known. */
    terminal = terminal_open(24, 80, play, &call);
    assert_shows(terminal, "Which one? (a, b or c)");
    assert_shows(terminal, "During the 2.700 s of silence");
    type(terminal, "c\r");
    assert_shows(terminal, "Yes. Usually half");
    type(terminal, "q");
    end_well(terminal);
}

/* Who reads a run's text misses nothing of it, and its keys are those of the view. */
static void a_run_obeys_the_keys(void **state)
{
    struct call call = {.lab = "3", .language = "en"};
    (void)state;
    struct terminal *terminal = terminal_open(24, 80, play, &call);
    assert_shows(terminal, "step 1 of 17");
    type(terminal, "\r");
    assert_shows(terminal, "How long will");
    type(terminal, "1s\r");
    assert_shows(terminal, "Enter watch it");
    for (int i = 0; i < 10; i++)
        terminal_take(terminal, 20);
    type(terminal, "\t ");
    assert_shows(terminal, "0.000000 s  stopped"); /* its clock has not begun before */
    type(terminal, "s");
    assert_shows(terminal, "Event ");
    type(terminal, "?");
    assert_shows(terminal, "Escape closes this help");
    type(terminal, "\033");
    assert_no_more(terminal, "Escape closes this help");
    type(terminal, "b");
    assert_shows(terminal, "Back by one step: event 1 comes next.");
    type(terminal, "b");
    assert_shows(terminal, "This is the beginning");
    type(terminal, "m");
    assert_shows(terminal, "cannot be steered");
    type(terminal, "\r");
    assert_shows(terminal, "ended");
    type(terminal, "1"); /* no other run than this one */
    assert_shows(terminal, "This cannot be played again.");
    type(terminal, "b"); /* back from the end: only there it goes on */
    assert_no_more(terminal, "ended");
    assert_shows(terminal, "Back by one step");
    type(terminal, "\r");
    assert_shows(terminal, "2.700 s   4.700 s  ended");
    assert_no_more(terminal, "Back by one step");
    type(terminal, "?");
    assert_shows(terminal, "Escape closes this help");
    type(terminal, "\r"); /* and there is no help about keys where they do nothing */
    assert_shows(terminal, "you predicted");
    type(terminal, "\t");
    assert_shows(terminal, "HOST A (source)");
    assert_no_more(terminal, "Escape closes this help");
    type(terminal, "q");
    end_well(terminal);
}

static double used_seconds(pid_t child)
{
    clockid_t clock;
    struct timespec used;
    assert_int_equal(clock_getcpuclockid(child, &clock), 0);
    assert_int_equal(clock_gettime(clock, &used), 0);
    return (double)used.tv_sec + (double)used.tv_nsec / 1e9;
}

/* A run that was hurried to its end has ended: who reads on needs no processor. */
static void a_run_that_has_ended_waits_for_a_key(void **state)
{
    struct call call = {.lab = "3", .language = "en"};
    (void)state;
    struct terminal *terminal = terminal_open(24, 80, play, &call);
    static const struct move moves[] = {
        {"step 1 of 17", "\r"},
        {"How long will", "1s\r"},
        {"Watch it move", "\r"},
        {"HOST A", "\r"},
    };
    for (size_t i = 0; i < sizeof moves / sizeof moves[0]; i++) {
        assert_shows(terminal, moves[i].seen);
        type(terminal, moves[i].keys);
    }
    assert_shows(terminal, "2.700 s   4.700 s  ended");
    double before = used_seconds(terminal->child);
    for (time_t end = time(NULL) + 3; time(NULL) < end;)
        terminal_take(terminal, 20);
    assert_true(used_seconds(terminal->child) - before < 0.5);
    type(terminal, "q");
    end_well(terminal);
}

static void no_colour_no_utf_8_and_a_signal(void **state)
{
    struct call plain = {.lab = "0", .language = "zh_CN", .locale = "C", .is_colourless = true};
    (void)state;
    struct terminal *terminal = terminal_open(24, 80, play, &plain);
    assert_shows(terminal, "A program moves, and nobody notices");
    assert_shows(terminal, "step 1 of 10");
    for (size_t i = 0; i < terminal->log.count; i++)
        assert_true(terminal->log.data[i] < 0x80);
    type(terminal, "\003"); /* Control-C */
    int status = terminal_end(terminal);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGINT);
    assert_true(terminal_is_restored(terminal));
    terminal_close(terminal);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(lab_3_to_its_end_in_english, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(lab_0_to_its_end_in_chinese, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(the_question_stays_on_both_sides, make_folder,
                                        remove_folder),
        cmocka_unit_test_setup_teardown(a_run_obeys_the_keys, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(a_run_that_has_ended_waits_for_a_key, make_folder,
                                        remove_folder),
        cmocka_unit_test_setup_teardown(no_colour_no_utf_8_and_a_signal, make_folder,
                                        remove_folder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
