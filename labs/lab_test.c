/* The labs: their data, how answers are judged, and both labs played to the end by the program
 * itself, in both languages, with right answers and with wrong ones. */
#include "labs/as_user.h"

#include <sys/stat.h>

#include "labs/judge.h"
#include "labs/lab.h"
#include "labs/lab_text.h"

/* Progress is kept in this test's folder too; the language is that of each line. */
static int make_home(void **state)
{
    char path[128];
    if (make_folder(state) != 0)
        return -1;
    snprintf(path, sizeof path, "%s/state", folder);
    setenv("XDG_STATE_HOME", path, 1);
    setenv("LC_ALL", "C.UTF-8", 1);
    unsetenv("LANGUAGE");
    return 0;
}

/* Runs a lab in English, with these lines typed by a person. */
static int type_to(const char *lab, const char *typed)
{
    char line[256];
    spill("typed", typed);
    snprintf(line, sizeof line, "lab %s --plain --lang en <$D/typed", lab);
    return ferry(line);
}

#define assert_has(text, words)   has_or_fail(text, words, true, __LINE__)
#define assert_lacks(text, words) has_or_fail(text, words, false, __LINE__)
static void has_or_fail(const char *text, const char *words, bool is_expected, int line)
{
    if ((strstr(text, words) != NULL) != is_expected)
        fail_msg("line %d: \"%s\" is %s in:\n%s", line, words, is_expected ? "not" : "still", text);
}

/* ---- Answers ---- */

static void answers_are_read_in_any_unit_of_their_kind(void **state)
{
    static const struct {
        enum unit_kind kind;
        const char *text;
        enum answer_trouble trouble;
        uint64_t value;
    } rows[] = {
        {UNIT_TIME, "2.7s", ANSWER_TAKEN, 2700000000},
        {UNIT_TIME, "2700 ms", ANSWER_TAKEN, 2700000000},
        {UNIT_TIME, "2.7 seconds", ANSWER_TAKEN, 2700000000},
        {UNIT_TIME, "2.7秒", ANSWER_TAKEN, 2700000000},
        {UNIT_TIME, "1.5min", ANSWER_TAKEN, 90000000000},
        {UNIT_TIME, "2.7", ANSWER_NO_UNIT, 0},
        {UNIT_TIME, "2.7x", ANSWER_UNKNOWN_UNIT, 0},
        {UNIT_TIME, "2.7MiB", ANSWER_UNKNOWN_UNIT, 0},
        {UNIT_TIME, "soon", ANSWER_NO_NUMBER, 0},
        {UNIT_TIME, "", ANSWER_NO_NUMBER, 0},
        {UNIT_TIME, ".", ANSWER_NO_NUMBER, 0},
        {UNIT_TIME, "-3s", ANSWER_NO_NUMBER, 0},
        {UNIT_TIME, "0s", ANSWER_ZERO, 0},
        {UNIT_TIME, "99999999999999999999s", ANSWER_TOO_LARGE, 0},
        {UNIT_TIME, "999999999999999999999999999999s", ANSWER_TOO_LARGE, 0},
        {UNIT_TIME, "9223372036.9s", ANSWER_TOO_LARGE, 0},
        {UNIT_TIME, "9223372036854775807ns", ANSWER_TAKEN, INT64_MAX},
        {UNIT_TIME, "0.1ns", ANSWER_NO_NUMBER, 0},
        {UNIT_SIZE, "64MiB", ANSWER_TAKEN, 64 << 20},
        {UNIT_SIZE, "64 MB", ANSWER_TAKEN, 64000000},
        {UNIT_SIZE, "64", ANSWER_NO_UNIT, 0},
        {UNIT_COUNT, "16,384", ANSWER_TAKEN, 16384},
        {UNIT_COUNT, "16384 pages", ANSWER_TAKEN, 16384},
        {UNIT_COUNT, "0", ANSWER_TAKEN, 0},
        {UNIT_COUNT, "3s", ANSWER_UNKNOWN_UNIT, 0},
        {UNIT_BANDWIDTH, "25 Gbit/s", ANSWER_TAKEN, 25000000000},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        uint64_t value = 0;
        enum answer_trouble trouble = answer_parse(rows[i].kind, rows[i].text, &value);
        if (trouble != rows[i].trouble || (trouble == ANSWER_TAKEN && value != rows[i].value))
            fail_msg("\"%s\": trouble %d, value %llu", rows[i].text, trouble,
                     (unsigned long long)value);
    }
}

static void a_mistake_that_can_be_told_has_its_reason(void **state)
{
    static const struct {
        uint64_t answer_ms;
        unsigned tolerance;
        bool is_right;
        enum reason reason;
    } rows[] = {
        /* 2.7 s were measured; the state takes 57 ms there, the way 3 ms. */
        {2700, 100, true, REASON_fits},       {2500, 100, true, REASON_fits},
        {2970, 100, true, REASON_fits},       {2971, 100, false, REASON_large},
        {2575, 100, true, REASON_mega},       {2575, 20, false, REASON_mega},
        {2832, 20, false, REASON_mega},       {338, 100, false, REASON_eighth},
        {337, 100, false, REASON_eighth},     {21600, 100, false, REASON_eightfold},
        {313, 100, false, REASON_eighth}, /* and GB for GiB */
        {57, 100, false, REASON_state},       {60, 100, false, REASON_state},
        {3, 100, false, REASON_latency},      {6, 100, false, REASON_latency},
        {2700000, 100, false, REASON_prefix}, {2764800, 100, false, REASON_prefix},
        {270, 100, false, REASON_ten},        {27000, 100, false, REASON_ten},
        {900, 100, false, REASON_small},      {8100, 100, false, REASON_large},
    };
    struct quantities measured = {.is_measured = true};
    (void)state;
    measured.values[QUANTITY_downtime] = 2700 * NS_PER_MS;
    measured.values[QUANTITY_state_time] = 57 * NS_PER_MS;
    measured.values[QUANTITY_latency] = 3 * NS_PER_MS;
    measured.values[QUANTITY_memory] = 32 << 20;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct judgement judgement;
        judge(&judgement, QUANTITY_downtime, rows[i].answer_ms * NS_PER_MS, &measured,
              rows[i].tolerance);
        if (judgement.is_right != rows[i].is_right || judgement.reason != rows[i].reason)
            fail_msg("%llu ms: %s, %s", (unsigned long long)rows[i].answer_ms,
                     judgement.is_right ? "right" : "wrong", reason_name(judgement.reason));
    }
}

/* ---- Texts ---- */

static void a_text_is_read_in_sections(void **state)
{
    struct problem problem = {STATUS_OK, ""};
    struct lab_text text;
    char path[128];
    (void)state;
    spill("a.txt", "title = A\nsummary = B\n\n; a remark\n== one: Title of it\nfirst\nsecond\n"
                   "\n    kept  as it is\n    this too\nanother paragraph\n\n\n"
                   "== one/part\n中文的一行\n接着一行 and\nEnglish。\n{x}\n== two\n");
    snprintf(path, sizeof path, "%s/a.txt", folder);
    assert_int_equal(lab_text_load(&text, path, &problem), STATUS_OK);
    assert_int_equal(text.count, 3);
    assert_string_equal(lab_text_find(&text, "one", NULL)->title, "Title of it");
    assert_string_equal(lab_text_find(&text, "one", NULL)->body,
                        "first second\n\n    kept  as it is\n    this too\nanother paragraph");
    assert_string_equal(lab_text_find(&text, "one", "part")->body,
                        "中文的一行接着一行 and English。{x}");
    assert_string_equal(lab_text_find(&text, "two", NULL)->body, "");
    assert_null(lab_text_find(&text, "three", NULL));
    lab_text_fini(&text);
}

static void a_broken_text_is_refused_in_its_line(void **state)
{
    static const struct {
        const char *text, *words;
    } rows[] = {
        {"title = A\nsummary = B\nwords\n", "a.txt:3: before the first == KEY"},
        {"title = A\n== one\n", "the lab has no title or no summary"},
        {"title = A\nsummary = B\n== one two\n", "a.txt:3: this is no head of a section"},
        {"title = A\nsummary = B\n==\n", "a.txt:3: this is no head of a section"},
        {"title = A\nsummary = B\n== one\n== one\n", "a.txt:4: this section was there already"},
        {"title = A\nsummary = B\n== one\n\xff\xfe\n", "a.txt:4: this line is no text in UTF-8"},
        {"title = A\nsummary = B\n== one\na\tb\n", "a.txt:4: this line is no text"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct problem problem = {STATUS_OK, ""};
        struct lab_text text;
        char path[128];
        spill("a.txt", rows[i].text);
        snprintf(path, sizeof path, "%s/a.txt", folder);
        assert_int_not_equal(lab_text_load(&text, path, &problem), STATUS_OK);
        assert_has(problem.text, rows[i].words);
        lab_text_fini(&text);
    }
}

/* ---- A small lab that is sound; each row breaks it in one place. ---- */

static const char small_ini[] = "[hello]\nkind = read\n"
                                "[guess]\nkind = predict\nof = move\nquantity = downtime\n"
                                "tolerance = 10%\n"
                                "[move]\nkind = run\nguest = model:idle\nmode = stop-and-copy\n"
                                "memory = 1MiB\n"
                                "[told]\nkind = answer\nto = guess\n"
                                "[why]\nkind = choose\nright = a\n"
                                "[turn]\nkind = knob\nof = move\noption = bandwidth\n"
                                "least = 1Mbit/s\nmost = 10Gbit/s\n"
                                "[again]\nkind = run\nlike = move\nknob = turn\n"
                                "[both]\nkind = compare\nruns = move again\nrows = downtime\n";
static const char small_en[] =
    "title = Small\nsummary = A small lab\n"
    "== any/small\nToo short by {factor}.\n== any/large\nToo long.\n"
    "== hello: Hello\nA downtime is coming.\n"
    "== guess: Guess\n{memory}\n== guess/question\nHow long?\n"
    "== move: Watch\nNow.\n"
    "== told: Told\n{downtime}\n"
    "== why: Why\n== why/question\nWhich?\n== why/a: this\nYes it is.\n== why/b: that\nNo.\n"
    "== turn: Turn\n{least}\n== turn/question\nHow much?\n"
    "== again: Watch\n{your_value}\n"
    "== both: Both\nThere.\n";
static const char small_zh[] =
    "title = 小\nsummary = 一个小实验\n"
    "== any/small\n短了 {factor} 倍。\n== any/large\n太长。\n"
    "== hello: 你好\n停机时间要来了。\n"
    "== guess: 猜\n{memory}\n== guess/question\n多长？\n"
    "== move: 看\n现在。\n"
    "== told: 说\n{downtime}\n"
    "== why: 为什么\n== why/question\n哪个？\n== why/a: 这个\n是的。\n== why/b: 那个\n不。\n"
    "== turn: 转\n{least}\n== turn/question\n多大？\n"
    "== again: 看\n{your_value}\n"
    "== both: 一起\n那里。\n";

/* The file with `from` replaced by `to` in it. */
static void spill_changed(const char *name, const char *text, const char *from, const char *to)
{
    char changed[4096];
    const char *at = from != NULL ? strstr(text, from) : NULL;
    if (from == NULL)
        snprintf(changed, sizeof changed, "%s", text);
    else if (at == NULL)
        fail_msg("\"%s\" does not stand in %s", from, name);
    else
        snprintf(changed, sizeof changed, "%.*s%s%s", (int)(at - text), text, to,
                 at + strlen(from));
    spill(name, changed);
}

struct change {
    char file; /* i: lab.ini, e: en.txt, z: zh_CN.txt */
    const char *from, *to, *words;
};

static void spill_small(const struct change *change)
{
    char path[128];
    snprintf(path, sizeof path, "%s/small", folder);
    mkdir(path, 0777);
    snprintf(path, sizeof path, "%s/small/05-small", folder);
    mkdir(path, 0777);
    spill("small/glossary.ini", "downtime = 停机时间\nround = 轮次\n");
    spill_changed("small/05-small/lab.ini", small_ini, change->file == 'i' ? change->from : NULL,
                  change->to);
    spill_changed("small/05-small/en.txt", small_en, change->file == 'e' ? change->from : NULL,
                  change->to);
    spill_changed("small/05-small/zh_CN.txt", small_zh, change->file == 'z' ? change->from : NULL,
                  change->to);
}

static void lint_sees_what_is_broken(void **state)
{
    static const char long_page[] = "a\n\nb\n\nc\n\nd\n\ne\n\nf\n\ng\n\nh\n\ni\n\nj\n\nk\n";
    static const char wide_line[] =
        "    0123456789012345678901234567890123456789012345678901234567890123456789012345\n";
    /* clang-format off */
    static const struct change rows[] = {
        /* lab.ini */
        {'i', "kind = read", "kind = reed", "lab.ini:2: kind: \"reed\" is none"},
        {'i', "kind = read\n", "", "lab.ini:1: the step \"hello\" must begin with its kind"},
        {'i', "[hello]", "[He llo]", "lab.ini:1: \"He llo\" cannot name a step"},
        {'i', "[told]", "[hello]", "a step \"hello\" was there already"},
        {'i', "of = move",
         "of = moove",
         "lab.ini:5: of: there is no step \"moove\" of kind run: the nearest is \"move\""},
        {'i', "to = guess", "to = move", "there is no step \"move\" of kind predict"},
        {'i', "quantity = downtime", "quantity = dontime", "the nearest is \"downtime\""},
        {'i', "quantity = downtime", "quantity = memory", "no time, size or count that is measured"},
        {'i', "quantity = downtime\n", "", "the step \"guess\" (predict) lacks the key quantity"},
        {'i', "tolerance = 10%", "tolerance = 10", "is no share: write one such as 10%"},
        {'i', "memory = 1MiB", "memory = 1", "lab.ini:12: memory: \"1\" has no unit"},
        {'i', "memory = 1MiB", "memery = 1MiB", "\"memery\" is neither an option of ferry run"},
        {'i', "memory = 1MiB", "clients = 4", "lab.ini:8: the scenario of \"move\""},
        {'i', "tolerance = 10%",
         "memory = 1MiB",
         "a step of kind predict has no key \"memory\": it has kind, of, quantity"},
        {'i', "right = a", "right = z", "is no choice: write a letter"},
        {'i', "right = a", "right = d", "there is no section \"why/d\""},
        {'i', "option = bandwidth", "option = mode", "no option with a number"},
        {'i', "least = 1Mbit/s", "least = 1", "least: \"1\" has no unit"},
        {'i', "least = 1Mbit/s", "least = 11Gbit/s", "its least is not less than its most"},
        {'i', "memory = 1MiB", "memory = 1MiB\nmemory = 2MiB", "lab.ini:13: \"memory\" was given already"},
        {'i', "like = move\nknob = turn", "knob = turn\nlike = move", "like: options above it would be lost"},
        {'i', "knob = turn\n", "knob = turn\nknob = turn\n", "\"knob\" was given already"},
        {'i', "[move]", "[go]", "there is no step \"move\" of kind run: the nearest is"},
        {'i', "[hello]\nkind = read\n",
         "[told]\nkind = answer\nto = guess\n[hello]\nkind = read\n",
         "a step \"told\" was there already"},
        {'i', "[hello]", "hello = 1\n[hello]", "lab.ini:1: a key before the first [STEP]"},
        {'i', "runs = move again", "runs = move again move again move", "at most 4"},
        /* texts */
        {'e', "== hello: Hello\n",
         "== hullo: Hello\n",
         "there is no section \"hello\", which the step \"hello\" (read) needs"},
        {'e', "== hello: Hello\n",
         "== hello: Hello\n== more: More\n",
         "en.txt:8: the section \"more\" belongs to no step"},
        {'z', "== any/large\n太长。\n", "", "neither a section \"guess/large\" nor \"any/large\""},
        {'z', "== hello: 你好", "== hello", "the section \"hello\" has no title"},
        {'z', "== why/question\n哪个？\n", "", "there is no section \"why/question\""},
        {'e', "== why/b: that\nNo.\n", "", "the step \"why\" needs two choices: why/a and why/b"},
        {'e', "== why/b: that\n", "== why/b\n", "the choice \"why/b\" has no words"},
        {'e', "== move: Watch\n", "== move/a: x\ny\n== move: Watch\n", "is no part of a step of kind run"},
        {'e', "{memory}", "{memry}", "\"{memry}\" is no placeholder"},
        {'e', "{memory}",
         "{downtime}",
         "\"{downtime}\" is no placeholder, or not known at the step \"guess\""},
        {'e', "{memory}", "{again.downtime}", "not known at the step \"guess\""},
        {'z', "{factor}", "{faktor}", "\"{faktor}\" is no placeholder"},
        {'e', "A downtime is", "A d\u00f6wntime is", "is not all ASCII"},
        {'z', "停机时间要来了",
         "停顿要来了",
         "zh_CN.txt:7: the section \"hello\": English says \"downtime\" there, which is 停机时间"},
        {'e', "Now.\n", long_page, "the page \"move\" takes"},
        {'e', "How long?\n",
         "How long and how long and how long and how long and how long and how long and how long?\n",
         "takes more than a line"},
        {'e', "There.\n", wide_line, "is wider than 76 columns"},
    };
    /* clang-format on */
    (void)state;
    spill_small(&(struct change){0});
    assert_int_equal(ferry("lab --lint $D/small"), 0);
    assert_string_equal(out, "lint: 1 lab, sound in both languages\n");
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        spill_small(&rows[i]);
        int status = ferry("lab --lint $D/small");
        if (status != 2 || strstr(out, rows[i].words) == NULL)
            fail_msg("row %zu (\"%s\"): status %d, not \"%s\" but:\n%s", i, rows[i].to, status,
                     rows[i].words, out);
    }
    spill_small(&(struct change){0});
    assert_int_equal(shell("rm $D/small/glossary.ini; $F lab --lint $D/small"), 2);
    assert_has(out, "the glossary is missing");
    assert_int_equal(ferry("lab --lint $D/nowhere"), 2);
    assert_has(out, "there is no lab");
}

static void our_labs_are_sound(void **state)
{
    (void)state;
    assert_int_equal(ferry("lab --lint"), 0);
    assert_string_equal(out, "lint: 2 labs, sound in both languages\n");
}

/* ---- Played by the program itself ---- */

/* All at once: the large runs take a second each. */
static void lab_3_is_played_to_its_end(void **state)
{
    static const char *const files[] = {"right-en", "right-zh", "wrong-en", "wrong-zh"};
    static char played[4][TEXT_MAX];
    (void)state;
    spill("right", "shop-guess = 2.68 ; no unit: asked again, no attempt lost\nshop-guess = 2.68s\n"
                   "clients = c\nfull-guess = 54980ms\nwhy-once = b\nwhen = a\n"
                   "link = 20Gbit/s\nfaster-guess = 27.5s\n");
    spill("wrong", "shop-guess = 335.5ms\nclients = a\nclients = c\nfull-guess = 51.2s\n"
                   "why-once = a\nwhen = B\nlink = 500Gbit/s\nlink = 5Gbit/s\n"
                   "faster-guess = 100us\n");
    assert_int_equal(
        shell("for a in right wrong; do for l in en zh_CN; do "
              "$F lab 3 --plain --answers $D/$a --lang $l >$D/$a-${l%_CN} & done; done; wait"),
        0);
    assert_string_equal(err, "");
    for (int i = 0; i < 4; i++)
        slurp(files[i], played[i]);

    assert_has(played[0], "\"2.68\" has no unit: write a time such as 30ms");
    assert_has(played[0], "Right, within 10 %.");
    assert_has(played[0], "8,192 x 4,096 = 33,554,432 bytes");
    assert_has(played[0], "measured in this run  55.30 s");
    assert_has(played[0], "Yes. The guest stands still");
    assert_has(played[0], "Halved, or better: 55.30 s are 2.0 times as long");
    assert_has(played[0], "You predicted 3 of 3 downtimes");
    assert_lacks(played[0], "Not ");
    assert_lacks(played[0], "?}");

    assert_has(played[1], "“2.68”没有单位：请写一个时间");
    assert_has(played[1], "对，误差在 10 % 以内。");
    assert_has(played[1], "你的 3 次停机时间预测里，有 3 次");
    assert_lacks(played[1], "误差超过");
    assert_lacks(played[1], "Your");

    assert_has(played[2], "Not within 10 %. Yours is an eighth of it.");
    assert_has(played[2], "Not quite. A connection is state too");
    assert_has(played[2], "Not within 2 %. Mind MB and MiB");
    assert_has(played[2], "Not quite. That would be about 1.7 s");
    assert_has(played[2], "\"500Gbit/s\" is out of reach: choose between 1Gbit/s and 400Gbit/s");
    assert_has(played[2], "That is of the size of the way alone, 100.0 us");
    assert_has(played[2], "Not halved");
    assert_has(played[2], "You predicted 0 of 3 downtimes");

    assert_has(played[3], "误差超过 10 %。你的答案只有实际的八分之一。");
    assert_has(played[3], "误差超过 2 %。请留意 MB 和 MiB 的差别");
    assert_has(played[3], "你的 3 次停机时间预测里，有 0 次");
}

static void lab_0_is_played_to_its_end_and_always_the_same(void **state)
{
    static char first[TEXT_MAX];
    (void)state;
    spill("tour", "guess = 500ms\nprice = b\n");
    assert_int_equal(ferry("lab 0 --plain --answers $D/tour --lang en"), 0);
    assert_has(out, "you guessed           500.0 ms");
    assert_has(out, "It was shorter than you thought");
    assert_has(out, "(step 10 of 10)");
    assert_lacks(out, "Right, within");
    strcpy(first, out);
    assert_int_equal(ferry("lab 0 --plain --answers=$D/tour --lang=en"), 0);
    assert_string_equal(out, first);
    spill("tour", "guess = 1us\nprice = a\n"); /* a wrong choice need not be followed by another */
    assert_int_equal(shell("LANG=zh_CN.UTF-8 LC_ALL= $F lab 0 --plain --answers $D/tour"), 0);
    assert_has(out, "实际比你想的长");
    assert_has(out, "不完全对。它的客户端有");
    assert_has(out, "（第 10 步，共 10 步）");
    assert_int_equal(shell("test ! -e $D/state"), 0); /* files of answers leave no trace */
}

/* ---- Progress ---- */

static void a_lab_goes_on_where_it_was_left(void **state)
{
    (void)state;
    assert_int_equal(type_to("3", "\n2.7\n2.7s\nq\n"), 0);
    assert_has(out, "(step 3 of 17)");
    assert_has(out, "ferry lab 3 goes on where you stopped.");
    assert_int_equal(ferry("lab --list --lang en"), 0);
    assert_has(out, "  3  Stop-and-copy                  step 3 of 17\n");
    assert_has(out, "  0  A tour in five minutes         not begun\n");
    assert_int_equal(shell("printf '\\n\\n' | $F lab 3 --plain --lang zh_CN"), 0);
    assert_lacks(out, "第 2 步");
    assert_has(out, "第 4 步");
    assert_has(out, "你的预测              2.700 s"); /* as it was answered the day before */
    assert_has(out, "会从你停下的地方继续");
    assert_int_equal(type_to("3", "q\n"), 0);
    assert_has(out, "(step 5 of 17)");
    assert_has(out, "2.684 s"); /* of a run that nobody watched this time */
    assert_int_equal(type_to("3 --restart", "q\n"), 0);
    assert_has(out, "(step 1 of 17)");

    assert_int_equal(type_to("0", "\n\n1s\n\n\n\n\n\nb\n\n\n"), 0);
    assert_lacks(out, "goes on where you stopped");
    assert_int_equal(ferry("lab --lang en"), 0);
    assert_has(out, "  0  A tour in five minutes         done\n");
}

static void trouble_with_the_progress_stops_no_lab(void **state)
{
    static const char *const broken[] = {"{\n\"labs\": [", "[]",
                                         "{\"schema\": \"x\", \"labs\": {}}"};
    (void)state;
    for (size_t i = 0; i < sizeof broken / sizeof broken[0]; i++) {
        shell("mkdir -p $D/state/ferry");
        spill("state/ferry/labs.json", broken[i]);
        assert_int_equal(type_to("0", "q\n"), 0);
        assert_has(err, "it was put aside as labs.json.broken, and progress begins anew\n");
        assert_has(out, "(step 1 of 10)");
        assert_int_equal(shell("test -e $D/state/ferry/labs.json.broken && $F lab"), 0);
        assert_string_equal(err, "");
    }
    /* Answers and steps that the lab does not know any more. */
    spill(
        "state/ferry/labs.json",
        "{\"schema\": \"ferry.labs/1\", \"labs\": {\"0\": {\"step\": \"gone\", \"answers\": "
        "{\"guess\": [\"soon\", 3], \"gone\": [\"1s\"]}}, \"3\": {\"step\": \"end\"}, \"7\": 1}}");
    assert_int_equal(type_to("0", "q\n"), 0);
    assert_has(out, "(step 1 of 10)");
    assert_int_equal(type_to("3", "q\n"), 0);
    assert_has(out, "(step 1 of 17)"); /* its answers are missing */
    assert_int_equal(shell("mkdir -p $D/no; touch $D/no/ferry; "
                           "printf '\\n\\n' | XDG_STATE_HOME=$D/no $F lab 0 --plain --lang en"),
                     0);
    assert_has(out, "(step 3 of 10)");
    assert_has(err, "cannot be written");
    assert_has(err, "progress is not kept\n");
    assert_int_equal(strchr(err, '\n') == strrchr(err, '\n'), 1);
}

/* The file that the one reads when it begins is not what stands there when it goes on. */
static void labs_played_at_once_keep_each_others_progress(void **state)
{
    (void)state;
    assert_int_equal(
        shell("mkfifo $D/keys; $F lab 0 --plain --lang en --restart <$D/keys & "
              "exec 3>$D/keys; until grep -q 'step 1 of 10' $D/out; do sleep 0.02; "
              "done; printf '\nq\n' | $F lab 3 --plain --lang en --restart >/dev/null; "
              "printf '\n\n' >&3; exec 3>&-; wait; rm $D/keys"),
        0);
    assert_int_equal(ferry("lab --list --lang en"), 0);
    assert_has(out, "  0  A tour in five minutes         step 3 of 10\n");
    assert_has(out, "  3  Stop-and-copy                  step 2 of 17\n");

    /* A lock that cannot be had is no reason to stop. */
    assert_int_equal(
        shell("rm -f $D/state/ferry/labs.json.lock; mkdir $D/state/ferry/labs.json.lock; "
              "printf '1s\n' | $F lab 3 --plain --lang en"),
        0);
    assert_string_equal(err, "");
    assert_int_equal(shell("rmdir $D/state/ferry/labs.json.lock; $F lab --list --lang en"), 0);
    assert_has(out, "  3  Stop-and-copy                  step 3 of 17\n");
}

static void what_is_done_stays_done(void **state)
{
    static const char *const done[] = {
        "{\"schema\": \"ferry.labs/1\", \"labs\": {\"0\": {\"step\": null, \"answers\": {}}}}",
        "{\"schema\": \"ferry.labs/1\", \"labs\": {\"0\": {\"done\": true, \"step\": null, "
        "\"answers\": {}}}}"};
    (void)state;
    for (size_t i = 0; i < sizeof done / sizeof done[0]; i++) {
        spill("state/ferry/labs.json", done[i]);
        assert_int_equal(type_to("0", "\nq\n"), 0);
        assert_has(out, "(step 1 of 10)");
        assert_int_equal(type_to("0", "q\n"), 0);
        assert_has(out, "(step 2 of 10)"); /* it goes on all the same */
        assert_int_equal(ferry("lab --list --lang en"), 0);
        assert_has(out, "  0  A tour in five minutes         done\n");
    }
}

/* A copy of the program with these labs beside it; no guests. */
static void copy_ferry(const char *labs)
{
    char line[256];
    snprintf(line, sizeof line, "mkdir -p $D/bin $D/labs && cp $F $D/bin/ && cp -r %s/. $D/labs/",
             labs);
    assert_int_equal(shell(line), 0);
}

static void progress_that_does_not_fit_leaves_nothing_behind(void **state)
{
    (void)state;
    copy_ferry("$(dirname $F)/../labs");
    assert_int_equal(shell("mkdir $D/labs/06-ask"), 0);
    spill("labs/06-ask/lab.ini", "[ask]\nkind = choose\nright = a\n");
    spill("labs/06-ask/en.txt", "title = Ask\nsummary = Ask\n== ask: Ask\n== ask/question\nWhich?\n"
                                "== ask/a: this\nIt is.\n== ask/b: that\nIt is not.\n");
    spill("state/ferry/labs.json", "{\"schema\": \"ferry.labs/1\", \"labs\": {\"6\": {\"step\": "
                                   "\"gone\", \"answers\": {\"ask\": [\"b\"]}}}}");
    assert_int_equal(shell("$D/bin/ferry lab 6 --plain --lang en"), 0);
    assert_has(out, "Which?");
    assert_lacks(out, "Not quite.");
}

/* ---- One line each ---- */

static void bad_lines_are_refused(void **state)
{
    static const struct {
        const char *line, *words;
    } rows[] = {
        {"lab 7", "there is no lab \"7\": there are 0 and 3 (ferry lab --list)"},
        {"lab three", "there is no lab \"three\""},
        {"lab 3 0", "\"0\" is one word too many"},
        {"lab 3 --lang fr", "\"fr\" is no language of the labs: write en or zh_CN"},
        {"lab 3 --lang=fr", "\"fr\" is no language of the labs: write en or zh_CN"},
        {"lab 3 --lang", "--lang needs a value"},
        {"lab 3 --lang=", "--lang needs a value"},
        {"lab 3 --lang en --lang=zh_CN", "--lang was given already: keep one of them"},
        {"lab 3 --plain --plain", "--plain was given already: keep one of them"},
        {"lab 3 --plain=yes", "--plain takes no value: leave it out"},
        {"lab 3 --plian", "the nearest that exists is --plain"},
        {"lab 3 --lnag=en", "unknown option --lnag: the nearest that exists is --lang"},
        {"lab 3 --answers $D/x", "write --plain with it"},
        {"lab 3 --plain --answers", "--answers needs a value"},
        {"lab 3 --plain --answers $D/nothing", "nothing: No such file"},
        {"lab 3 --plain --answers $D", "is no file"},
        {"lab 3 --plain --answers $D/unknown",
         "unknown:2: lab 3 has no question \"shop-gues\": the nearest is \"shop-guess\""},
        {"lab 3 --plain --answers=$D/section", "section:1: answers stand in no sections"},
        {"lab 3 --plain --answers $D/line", "line:1: this is no line of the form key = value"},
    };
    (void)state;
    spill("unknown", "; answers\nshop-gues = 1s\n");
    spill("section", "[answers]\nshop-guess = 1s\n");
    spill("line", "shop-guess\n");
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        assert_refused(rows[i].line, rows[i].words);
}

/* The pages up to the question have been told by then. */
static void a_missing_answer_ends_the_lab(void **state)
{
    (void)state;
    spill("answers", "");
    assert_int_equal(ferry("lab 3 --plain --answers $D/answers"), 2);
    assert_has(err, "answers: no answer is left for shop-guess (How long will the downtime be?");
    spill("answers", "shop-guess = 3\n");
    assert_int_equal(ferry("lab 3 --plain --answers $D/answers"), 2);
    assert_has(err, "no answer is left for shop-guess");
    assert_has(err, "\"3\" has no unit: write a time such as 30ms, 100us or 1.5s\n");
    assert_int_equal(ferry("lab 3 --plain --lang zh_CN --answers $D/answers"), 2);
    assert_has(err, "“3”没有单位：请写一个时间，例如 30ms、100us 或 1.5s\n");
}

/* The program looks beside itself: a copy of it finds what lies beside the copy. */
static void a_lab_with_broken_data_is_refused(void **state)
{
    (void)state;
    spill_small(&(struct change){'i', "kind = read", "kind = reed", NULL});
    copy_ferry("$D/small");
    assert_int_equal(shell("$D/bin/ferry lab 5 --plain"), 2);
    assert_has(err, "labs/05-small/lab.ini:2: kind: \"reed\" is none");
    assert_int_equal(shell("$D/bin/ferry lab"), 2);
    assert_has(err, "lab.ini:2");
    spill_small(&(struct change){'e', "== hello: Hello\n", "== hullo: Hello\n", NULL});
    assert_int_equal(shell("cp -r $D/small/. $D/labs/; $D/bin/ferry lab 5"), 2);
    assert_has(err, "labs/05-small/en.txt:1: there is no section \"hello\"");
    spill_small(&(struct change){'e', "== hello: Hello\n", "== hello Hello\n", NULL});
    assert_int_equal(shell("cp -r $D/small/. $D/labs/; $D/bin/ferry lab 5"), 2);
    assert_has(err, "labs/05-small/en.txt:7: this is no head of a section");
    assert_int_equal(shell("rm -r $D/labs; $D/bin/ferry lab 5"), 2);
    assert_has(err, "there is no lab: build ferry with make");
}

static void chinese_needs_its_characters(void **state)
{
    (void)state;
    assert_int_equal(shell("LC_ALL=C $F lab 0 --plain --lang zh_CN"), 0);
    assert_has(err, "this locale has no Chinese characters, so English is spoken");
    assert_has(out, "A program moves");
    assert_int_equal(shell("LC_ALL=zh_CN.UTF-8 $F lab 0 --plain"), 0);
    assert_has(out, "程序搬家");
    assert_int_equal(shell("LC_ALL=en_US.UTF-8 LANGUAGE=zh_CN:en $F lab 0 --plain"), 0);
    assert_has(out, "程序搬家");
    assert_int_equal(shell("LC_ALL=zh_CN.UTF-8 $F lab 0 --plain --lang en"), 0);
    assert_has(out, "Enter goes on");
}

/* A run that was watched is needed again, and its guest is not there any more. */
static void no_number_is_made_up(void **state)
{
    (void)state;
    copy_ferry("$(dirname $F)/../labs");
    spill("state/ferry/labs.json",
          "{\"schema\": \"ferry.labs/1\", \"labs\": {\"0\": {\"step\": \"guess-answer\", "
          "\"answers\": {\"guess\": [\"1s\"]}}}}");
    assert_int_equal(shell("$D/bin/ferry lab 0 --plain --lang en"), 2);
    assert_string_equal(out, "");
    assert_has(err, "ferry lab: ");
    assert_has(err, "kv");
    assert_ptr_equal(strchr(err, '\n'), strrchr(err, '\n'));
    assert_int_equal(shell("$D/bin/ferry lab --lint"), 2);
    assert_has(out, "00-tour/lab.ini:");
    assert_has(out, "the run \"");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers_are_read_in_any_unit_of_their_kind),
        cmocka_unit_test(a_mistake_that_can_be_told_has_its_reason),
        cmocka_unit_test(a_text_is_read_in_sections),
        cmocka_unit_test(a_broken_text_is_refused_in_its_line),
        cmocka_unit_test(lint_sees_what_is_broken),
        cmocka_unit_test(our_labs_are_sound),
        cmocka_unit_test(lab_3_is_played_to_its_end),
        cmocka_unit_test(lab_0_is_played_to_its_end_and_always_the_same),
        cmocka_unit_test(a_lab_goes_on_where_it_was_left),
        cmocka_unit_test(trouble_with_the_progress_stops_no_lab),
        cmocka_unit_test(labs_played_at_once_keep_each_others_progress),
        cmocka_unit_test(what_is_done_stays_done),
        cmocka_unit_test(progress_that_does_not_fit_leaves_nothing_behind),
        cmocka_unit_test(bad_lines_are_refused),
        cmocka_unit_test(a_missing_answer_ends_the_lab),
        cmocka_unit_test(a_lab_with_broken_data_is_refused),
        cmocka_unit_test(chinese_needs_its_characters),
        cmocka_unit_test(no_number_is_made_up),
    };
    return cmocka_run_group_tests(tests, make_home, remove_folder);
}
