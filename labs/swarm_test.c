/* ferry swarm as people and scripts meet it. */
#include "labs/as_user.h"

#include "labs/options.h"
#include "labs/swarm_tally.h"

static void test_a_sound_swarm_says_what_it_lived(void **state)
{
    (void)state;
    assert_int_equal(ferry("swarm --seeds 1..60 --json $D/json"), 0);
    assert_non_null(strstr(out, "seeds 1..60: 60 worlds, every rule held"));
    assert_non_null(strstr(out, "one_runner 60"));
    assert_string_equal(err, "");

    char text[TEXT_MAX];
    slurp("json", text);
    json_t *json = json_loads(text, 0, NULL);
    assert_non_null(json);
    assert_string_equal(json_string_value(json_object_get(json, "schema")), "ferry.swarm/1");
    assert_int_equal(json_integer_value(json_object_get(json, "seeds")), 60);
    assert_true(json_is_null(json_object_get(json, "violation")));
    assert_int_equal(
        json_integer_value(json_object_get(json_object_get(json, "rules"), "one_runner")), 60);
    json_decref(json);
}

/* A line as a shell takes it, in place. */
static int split_words(char *line, char **words, int most)
{
    int count = 0;
    for (char *at = line; *at != '\0' && count < most; count++) {
        char *to = at;
        bool is_quoted = false;
        words[count] = to;
        for (; *at != '\0' && (is_quoted || *at != ' '); at++)
            if (*at == '\'')
                is_quoted = !is_quoted;
            else
                *to++ = *at;
        if (*at == ' ')
            at++;
        *to = '\0';
    }
    return count;
}

/* The line that is printed for a seed makes its scenario again, whatever was drawn. */
static void test_the_line_for_a_seed_is_the_seed(void **state)
{
    static struct swarm_image images[SWARM_GUESTS_MAX];
    (void)state;
    for (uint32_t i = 0; i < swarm_guest_count(); i++)
        images[i] = (struct swarm_image){(const uint8_t *)"", 1};
    for (uint64_t seed = 1; seed <= 400; seed++) {
        struct problem problem = {STATUS_OK, ""};
        struct bytes line = {0}, drawn = {0}, parsed = {0};
        struct scenario scenario;
        struct options options;
        char *words[200], text[4000];

        swarm_draw(seed, images, &scenario, NULL, NULL);
        options_write_command("run", &scenario, NULL, &line);
        snprintf(text, sizeof text, "%s", (const char *)line.data);
        int count = split_words(text, words, 200);
        if (options_parse(&options, TAKES_SCENARIO, NULL, count - 2, words + 2, &problem) !=
            STATUS_OK)
            fail_msg("%s: %s", (const char *)line.data, problem.text);
        scenario_text(&scenario, &drawn);
        scenario_text(&options.scenario, &parsed);
        assert_string_equal(drawn.data, parsed.data);
        options_fini(&options);
        scenario_fini(&scenario);
        bytes_fini(&line);
        bytes_fini(&drawn);
        bytes_fini(&parsed);
    }
}

/* How many processes there are, and whether it was interrupted, changes nothing. */
static void test_the_seeds_decide_alone(void **state)
{
    (void)state;
    assert_int_equal(ferry("swarm --seeds 7..46 --jobs 1 --json - >$D/one"), 0);
    assert_int_equal(ferry("swarm --seeds 7..46 --jobs 5 --json - >$D/five"), 0);
    assert_int_equal(shell("cmp $D/one $D/five"), 0);
    assert_int_equal(shell("$F swarm --seeds 7..46 --jobs 2 --resume $D/state --quiet & "
                           "while [ ! -s $D/state ]; do sleep 0.01; done; kill -9 $!; wait"),
                     0);
    assert_int_equal(ferry("swarm --resume $D/state --json - >$D/again"), 0);
    assert_int_equal(shell("cmp $D/one $D/again"), 0);
    /* One that is done is done: nothing is lived again, and all is told. */
    assert_int_equal(ferry("swarm --seeds 7..46 --resume $D/kept --quiet"), 0);
    assert_int_equal(ferry("swarm --seeds 7..46 --resume $D/kept --json - >$D/again"), 0);
    assert_int_equal(shell("cmp $D/one $D/again"), 0);
}

static void test_what_is_wrong_is_said_before_anything_runs(void **state)
{
    (void)state;
    assert_refused("swarm --seeds many", "--seeds: \"many\" is no range of seeds: write 1..2000");
    assert_refused("swarm --seeds 9..8", "the second is to be the greater");
    assert_refused("swarm --seeds 1..", "is no range of seeds");
    assert_refused("swarm --jobs 0", "--jobs: \"0\": write how many processes, 1 to 64");
    assert_refused("swarm --mode hybrid", "unknown option --mode");
    assert_refused("swarm --resume /nowhere/state", "cannot be written");
    assert_int_equal(ferry("swarm --seeds 1..5 --resume $D/few --quiet"), 0);
    assert_refused("swarm --seeds 1..6 --resume $D/few", "was begun with --seeds 1..5");
    spill("broken", "ferry swarm 1\ntables 12\n");
    assert_refused("swarm --resume $D/broken", "it counts what another ferry draws");
    spill("broken", "a letter\n");
    assert_refused("swarm --resume $D/broken", "it is no state of a swarm");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_sound_swarm_says_what_it_lived),
        cmocka_unit_test(test_the_line_for_a_seed_is_the_seed),
        cmocka_unit_test(test_the_seeds_decide_alone),
        cmocka_unit_test(test_what_is_wrong_is_said_before_anything_runs),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
