/* Live mode as a user has it: `ferry live`, and everything that its first lines say. One setup for
 * all tests, in this test's own folder, on ports that are free. */
#include "labs/as_user.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <jansson.h>

#include "labs/children.h"

static struct child live;
static uint16_t port;  /* where clients come in */
static int client;     /* one who stays connected through all of it */
static unsigned incrs; /* that he has been answered */
static char live_word[2][128];
static struct child office = {.out = -1}; /* the second gateway */

/* The next line of ferry live that has these words; what comes before it is let pass. */
static const char *await_line(const char *words)
{
    const char *line;

    while ((line = child_next_line(&live, true)) != NULL)
        if (strstr(line, words) != NULL)
            return line;
    fail_msg("ferry live ended without saying \"%s\"", words);
    return NULL;
}

static void ask(const char *command, const char *answer)
{
    char text[200];
    size_t count = 0, wanted = strlen(answer);

    assert_int_equal(send(client, command, strlen(command), MSG_NOSIGNAL), strlen(command));
    while (count < wanted) {
        ssize_t more = recv(client, text + count, wanted - count, 0);
        if (more <= 0)
            fail_msg("%s: the connection is no more", command);
        count += (size_t)more;
    }
    text[count] = '\0';
    assert_string_equal(text, answer);
}

/* Each is answered with the number of those before it, wherever the guest is: no byte is lost or
 * doubled. */
static void count_on(void)
{
    char answer[32];
    snprintf(answer, sizeof answer, ":%u\r\n", ++incrs);
    ask("INCR counted\r\n", answer);
}

static void join(void)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};

    client = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(connect(client, (struct sockaddr *)&address, sizeof address), 0);
}

static int start_live(void **state)
{
    struct problem problem = {STATUS_OK, ""};

    if (make_folder(state) != 0)
        return -1;
    snprintf(live_word[0], sizeof live_word[0], "%s/control", folder);
    child_init(&live, "ferry live", BUILD_DIR "/bin/ferry");
    const char *const words[] = {"live",        "--with-parent", "--plain",   "--guest",
                                 "kv",          "--memory",      "8MiB",      "--listen",
                                 "127.0.0.1:0", "--control",     live_word[0]};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        child_add_word(&live, words[i]);
    if (child_start(&live, STDERR_FILENO, &problem) != STATUS_OK)
        fail_msg("%s", problem.text);
    await_line("kv runs at host A");
    const char *line = await_line("redis-cli -h 127.0.0.1 -p ");
    port = (uint16_t)atoi(strstr(line, "-p ") + 3);
    await_line("Ctrl-C");
    join();
    ask("SET greeting hello\r\n", "+OK\r\n");
    return 0;
}

static int stop_live(void **state)
{
    char text[100];

    close(client);
    child_stop(&live);
    if (!WIFEXITED(live.status) || WEXITSTATUS(live.status) != 0)
        fail_msg("ferry live: %s", child_end(&live, text, sizeof text));
    child_fini(&live);
    child_fini(&office);
    assert_int_equal(count_files(), 0); /* nothing is left behind */
    return remove_folder(state);
}

/* ---- Tests, in this order ---- */

static void status_shows_who_is_there(void **state)
{
    (void)state;
    assert_int_equal(ferry("status --control $D/control"), 0);
    assert_non_null(strstr(out, ": 1 client; hosts come to 127.0.0.1:"));
    assert_non_null(strstr(out, "no limit\n"));
    assert_non_null(strstr(out, "kv: running, 8.000 MiB"));
    assert_non_null(strstr(out, "\nB "));
    assert_null(strstr(out, "move "));
    assert_int_equal(ferry("status --control $D/control --json -"), 0);
    json_t *status = json_loads(out, 0, NULL);
    assert_int_equal(json_array_size(json_object_get(status, "hosts")), 2);
    assert_true(json_is_null(json_object_get(status, "migration")));
    json_decref(status);
}

static void wrong_lines_begin_nothing(void **state)
{
    static const char *const rows[][2] = {
        {"migrate --control $D/nowhere", "there is no gateway: start one (ferry live)"},
        {"migrate --control $D/control --to C",
         "C: there is no such host: ferry status lists them"},
        {"migrate --control $D/control --to A", "--to: kv is at A already"},
        {"migrate --control $D/control --guest web", "web: no host has such a guest"},
        {"migrate --control $D/control --mode precopy", "stop-and-copy|pre-copy"},
        {"migrate --control $D/control --mode post-copy --max-rounds 3", "--max-rounds cannot"},
        {"migrate --control $D/control --downtime-limit 30", "has no unit"},
        {"migrate --control $D/control --memory 8MiB", "chosen when the guest is started"},
        {"migrate --control $D/control --seed 3", "it is for ferry run"},
        {"migrate --control $D/control --latency 3ms", "it is the link's: write ferry link"},
        {"migrate --control $D/control --bandwidth 5", "--bandwidth: \"5\" has no unit"},
        {"migrate --control $D/control scenario.ini", "unexpected word"},
        {"migrate --control $D/control -- x", "nothing stands behind --"},
        {"migrate --control $D/control --abort", "no guest is being moved"},
        {"migrate --control $D/control --post-copy-now", "no guest is being moved"},
        {"migrate --control $D/control --abort --to B", "leave out the options of a new one"},
        {"migrate --control $D/control --abort --post-copy-now", "keep one of them"},
        {"migrate --control $D/control --record -", "--record needs a file"},
        {"migrate --control $D/control --json $D/no/where", "cannot be written"},
        {"migrate --control $D/control --mode", "--mode needs a value: --help lists them"},
        {"migrate --control $D/control --leave-out barrier", "start the guest with --cache"},
        {"host --name A --gateway 127.0.0.1:99999", "--gateway: \"127.0.0.1:99999\" is no address"},
        {"host --name A --gateway 192.0.2.2:7600", "that needs a key"},
        {"link --control $D/control --bandwidth 5", "--bandwidth: \"5\" has no unit"},
        {"link --control $D/control --latency 1min", "--latency: \"1min\": write 0ns to 2s"},
        {"link --control $D/control --cut --mend", "keep one of them"},
        {"link --control $D/control --speed 3", "unknown option --speed"},
        {"status --control", "--control needs a value"},
        {"status --control $D/control x", "unexpected word"},
        {"live --plain --mode hybrid", "chosen when the guest is moved, by ferry migrate"},
        {"live --plain --clients 3", "it is for ferry run"},
        {"live --plain --guest nobody", "unknown guest"},
        {"live --plain --hosts 9", "write 2, 3 or 4"},
        {"live --plain --memory 8", "has no unit"},
        {"live --plain --bandwidth 5 --listen 127.0.0.1:0 --control $D/other",
         "--bandwidth: \"5\" has no unit"},
        {"live --plain --guest web --memory 8MiB --listen 127.0.0.1:0=kv --control $D/other",
         "--listen: \"kv\" is not here: the guest is web"},
        {"gateway --listen /tmp/sock --control $D/other", "clients come by TCP"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        assert_refused(rows[i][0], rows[i][1]);
    /* A door at which somebody stands already, and a port that is taken: said by who found out. */
    assert_int_equal(ferry("live --plain --listen 127.0.0.1:0 --control $D/control"), 2);
    assert_non_null(strstr(err, "control"));
    char line[200];
    snprintf(line, sizeof line, "live --plain --listen 127.0.0.1:%u --control $D/other", port);
    assert_int_equal(ferry(line), 2);
    assert_non_null(strstr(err, "127.0.0.1"));
    assert_non_null(strstr(err, "somebody listens there already: write another port"));
    count_on();
}

static void every_mode_moves_it(void **state)
{
    static const char *const modes[] = {"stop-and-copy", "pre-copy", "continuous",
                                        "post-copy",     "hybrid",   "auto"};
    (void)state;
    for (size_t i = 0; i < sizeof modes / sizeof modes[0]; i++) {
        char line[200];
        count_on();
        snprintf(line, sizeof line, "migrate --control $D/control --mode %s --json -", modes[i]);
        int status = ferry(line);
        json_t *report = json_loads(out, 0, NULL);
        if (status != 0 || report == NULL)
            fail_msg("%s: status %d, %s%s", modes[i], status, out, err);
        assert_string_equal(json_string_value(json_object_get(report, "schema")), "ferry.run/1");
        assert_string_equal(json_string_value(json_object_get(report, "mode")), modes[i]);
        assert_string_equal(json_string_value(json_object_get(report, "outcome")), "completed");
        assert_int_equal(json_integer_value(json_object_get(report, "memory_pages")), 2048);
        assert_true(json_integer_value(json_object_get(report, "pages_sent")) >= 2048);
        assert_true(json_integer_value(json_object_get(report, "downtime_ns")) > 0);
        assert_true(json_integer_value(json_object_get(report, "total_time_ns")) >
                    json_integer_value(json_object_get(report, "downtime_ns")));
        static const char *const nulls[] = {"seed", "digest", "oracle", "instructions"};
        for (size_t j = 0; j < 4; j++)
            assert_true(json_is_null(json_object_get(report, nulls[j])));
        json_decref(report);
        await_line(i % 2 == 0 ? "kv moves from A to B by " : "kv moves from B to A by ");
        await_line("kv: completed after ");
    }
    count_on();
    ask("GET greeting\r\n", "$5\r\nhello\r\n");
}

static void a_move_is_told_and_recorded(void **state)
{
    (void)state;
    assert_int_equal(ferry("migrate --control $D/control --mode hybrid --to B --record $D/m.ferry"),
                     0);
    assert_non_null(strstr(out, "kv, hybrid, from A to B: completed"));
    assert_non_null(strstr(out, "downtime"));
    assert_null(strstr(out, "oracle"));
    assert_string_equal(err, "");
    count_on();
    assert_int_equal(ferry("tui --plain $D/m.ferry"), 0);
    assert_non_null(strstr(out, "The link carries what it can"));
    assert_non_null(strstr(out, "the guest runs at host B"));
    assert_int_equal(ferry("export $D/m.ferry --csv $D/m.csv --quiet"), 0);
    assert_int_equal(ferry("status --control $D/control"), 0);
    assert_non_null(strstr(out, ": kv from A to B by hybrid: completed after "));
    assert_int_equal(shell("rm $D/m.ferry $D/m.csv"), 0);
}

/* The gateway has 64 streams to give. */
static void more_clients_than_there_is_room_for_wait(void **state)
{
    int clients[70], before = client;
    (void)state;
    assert_int_equal(ferry("status --control $D/control"), 0);
    assert_null(strstr(out, "others wait"));
    for (size_t i = 0; i < sizeof clients / sizeof clients[0]; i++) {
        join();
        clients[i] = client;
    }
    assert_int_equal(shell("i=0; until $F status --control $D/control | grep 'others wait'; do "
                           "sleep 0.1; [ $((i += 1)) -lt 200 ] || exit 1; done"),
                     0);
    for (size_t i = 0; i < sizeof clients / sizeof clients[0]; i++)
        close(clients[i]);
    client = before;
    count_on();
}

static void the_link_obeys(void **state)
{
    (void)state;
    assert_int_equal(ferry("link --control $D/control --bandwidth 100MiB/s --latency 1ms"), 0);
    assert_string_equal(out, "the link carries 100.0 MiB/s, 1.000 ms later than by itself\n");
    assert_int_equal(ferry("migrate --control $D/control --mode pre-copy --json -"), 0);
    json_t *report = json_loads(out, 0, NULL);
    /* 8 MiB take 80 ms; half of that would be a link that does not obey. */
    assert_true(json_integer_value(json_object_get(report, "total_time_ns")) > 40000000);
    assert_string_equal(
        json_string_value(json_object_get(json_object_get(report, "options"), "latency")), "1ms");
    json_decref(report);
    assert_int_equal(ferry("link --control $D/control --bandwidth none --latency none"), 0);
    assert_string_equal(out, "the link carries what it can\n");
    assert_int_equal(ferry("link --control $D/control --cut"), 0);
    assert_int_equal(ferry("migrate --control $D/control --mode pre-copy"), 2);
    assert_non_null(strstr(err, "the link is cut: mend it"));
    assert_int_equal(ferry("link --control $D/control --mend"), 0);
    count_on();
}

/* A slow move is given up: by its own command, and by an interrupt. */
static void a_move_is_given_up(void **state)
{
    (void)state;
    assert_int_equal(ferry("link --control $D/control --bandwidth 1MiB/s"), 0);
    assert_int_equal(
        shell("$F migrate --control $D/control --mode pre-copy --quiet & "
              "until $F migrate --control $D/control --abort 2>/dev/null; do kill -0 $! || break; "
              "done; "
              "wait $!"),
        1);
    assert_string_equal(out, "the move is being given up: the guest stays where it is\n");
    await_line("kv: aborted");
    child_next_line(&live, false);
    assert_int_equal(
        shell("$F migrate --control $D/control --mode pre-copy & "
              "until $F status --control $D/control | grep -q ': copy'; do kill -0 $! || break; "
              "done; "
              "kill -INT $!; wait $!"),
        1);
    if (strstr(out, "aborted") == NULL)
        fail_msg("%s%s", out, err);
    assert_non_null(strstr(err, "asked to give the move up"));
    assert_int_equal(ferry("link --control $D/control --bandwidth none"), 0);
    count_on();
}

/* Runs a line that ferry live has advised. */
static void follow_advice(struct child *child, const char *line)
{
    struct problem problem = {STATUS_OK, ""};
    char text[1024];

    snprintf(text, sizeof text, "exec %.1000s --with-parent", line);
    child_init(child, "what was advised", "/bin/sh");
    child_add_word(child, "-c");
    child_add_word(child, text);
    assert_int_equal(child_start(child, STDERR_FILENO, &problem), STATUS_OK);
}

static void the_end_of_another_guest_is_not_ours(void **state)
{
    struct child other;
    struct problem problem = {STATUS_OK, ""};
    char address[64];
    (void)state;
    assert_int_equal(ferry("status --control $D/control"), 0);
    assert_int_equal(sscanf(strstr(out, "hosts come to "), "hosts come to %63s", address), 1);
    child_init(&other, "another host", BUILD_DIR "/bin/ferry");
    const char *const words[] = {"host",  "--with-parent", "--name", "C",        "--gateway",
                                 address, "--guest",       "hello",  "--memory", "4MiB"};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        child_add_word(&other, words[i]);
    assert_int_equal(child_start(&other, STDERR_FILENO, &problem), STATUS_OK);
    /* Perhaps before its host was known: then it is told when it is. */
    await_line("hello ended with status 0; its last line: hello: its first and its last word");
    child_fini(&other);
    await_line("host C is not heard any more");
    count_on();
}

static void a_guest_that_ends_at_once_says_why(void **state)
{
    (void)state;
    assert_int_equal(ferry("live --plain --listen 127.0.0.1:0 --control $D/other --guest kv "
                           "--memory 8MiB -- --bogus"),
                     1);
    assert_non_null(strstr(out, "kv ended with status 2; its last line: kv: unknown option "
                                "--bogus; known are --preload\n"));
    assert_int_equal(ferry("live --plain --listen 127.0.0.1:0 --control $D/other --guest hello "
                           "--memory 4MiB"),
                     0);
    assert_non_null(strstr(out, "hello ended with status 0"));
}

/* Whoever runs the line that is printed has all as it was: hosts, guest, clients' port, link. */
static void a_gateway_that_dies_has_a_successor(void **state)
{
    char line[200];
    (void)state;
    assert_int_equal(ferry("link --control $D/control --bandwidth 500MiB/s --cut"), 0);
    snprintf(line, sizeof line, "kill -KILL $(cut -d ' ' -f 1 /proc/%d/task/%d/children)",
             (int)live.pid, (int)live.pid); /* the first that it has started */
    assert_int_equal(shell(line), 0);
    await_line("the gateway is gone: it was killed by signal 9");
    follow_advice(&office, child_next_line(&live, true));
    await_line("there is a gateway again");
    await_line("is here");
    await_line("is here");
    close(client);
    join();
    count_on();
    assert_int_equal(ferry("status --control $D/control"), 0);
    assert_non_null(strstr(out, "500.0 MiB/s"));
    assert_non_null(strstr(out, "cut"));
    assert_int_equal(ferry("link --control $D/control --mend"), 0);
    assert_int_equal(ferry("migrate --control $D/control --quiet"), 0);
    count_on();
    assert_int_equal(ferry("link --control $D/control --bandwidth none"), 0);
}

/* What was recorded until then is kept, and ends there: the move itself goes on. */
static void a_gateway_that_dies_leaves_what_was_recorded(void **state)
{
    (void)state;
    assert_int_equal(
        shell("$F live --plain --listen 127.0.0.1:0 --control $D/third --guest memwalk "
              "--memory 16MiB --bandwidth 1MiB/s >/dev/null & L=$!; "
              "until [ $($F status --control $D/third 2>/dev/null | "
              "grep -c 'memwalk: running\\|^B ') = 2 ]; do kill -0 $L || exit 9; done; "
              "$F migrate --control $D/third --record $D/early --json $D/early.json >/dev/null & "
              "M=$!; "
              "until $F status --control $D/third | grep -q 'MiB sent'; do kill -0 $M || break; "
              "done; "
              "kill -KILL $(cut -d ' ' -f 1 /proc/$L/task/$L/children); "
              "wait $M; S=$?; kill $L; wait $L; exit $S"),
        1);
    if (strstr(err, "what was recorded of it ends early") == NULL)
        fail_msg("%s", err);
    assert_int_equal(ferry("tui --plain $D/early"), 1);
    if (strstr(out, "breaks off here") == NULL)
        fail_msg("%s%s", out, err);
    assert_int_equal(shell("grep '\"outcome\":' $D/early.json; rm $D/early $D/early.json $D/third"),
                     0);
    assert_non_null(strstr(out, "null"));
}

/* The process of the host that has the guest, or of one that has none; its name. */
static pid_t find_host(bool has_guest, char *name)
{
    assert_int_equal(ferry("status --control $D/control --json -"), 0);
    json_t *status = json_loads(out, 0, NULL), *host;
    json_int_t pid = 0;
    size_t idx;
    json_array_foreach(json_object_get(status, "hosts"), idx, host)
    {
        bool is_here = json_is_true(json_object_get(host, "is_here"));
        if (!is_here || (json_array_size(json_object_get(host, "guests")) > 0) != has_guest)
            continue;
        pid = json_integer_value(json_object_get(host, "pid"));
        *name = *json_string_value(json_object_get(host, "name"));
    }
    json_decref(status);
    assert_true(pid > 1);
    return (pid_t)pid;
}

/* A host that dies is told, with the line that brings another: with the guest only where that is
 * lost. */
static void a_host_that_dies_is_told(void **state)
{
    char text[400], name;
    struct child again[2];
    (void)state;
    assert_int_equal(kill(find_host(false, &name), SIGKILL), 0);
    snprintf(text, sizeof text, "host %c is gone: it was killed by signal 9", name);
    await_line(text);
    await_line("Another one:");
    const char *line = child_next_line(&live, true);
    assert_non_null(strstr(line, " host --name "));
    assert_null(strstr(line, "--guest"));
    assert_int_equal(ferry("migrate --control $D/control"), 2);
    count_on();
    follow_advice(&again[0], line); /* it does what it says */
    snprintf(text, sizeof text, "host %c is here", name);
    await_line(text);
    assert_int_equal(ferry("migrate --control $D/control --mode post-copy --quiet"), 0);
    await_line("kv: completed");
    count_on();
    assert_int_equal(kill(find_host(false, &name), SIGKILL), 0); /* it has nothing left */
    snprintf(text, sizeof text, "host %c is gone", name);
    await_line(text);
    assert_null(strstr(await_line(" host --name "), "--guest"));
    count_on();
    child_fini(&again[0]); /* and the guest goes with it */
    await_line("kv is lost");
    await_line("It can be begun anew");
    line = child_next_line(&live, true);
    assert_non_null(strstr(line, "--guest kv --memory=8MiB"));
    follow_advice(&again[1], line);
    await_line("is here");
    close(client);
    join();
    incrs = 0; /* it is another */
    count_on();
    child_stop(&live);
    assert_int_equal(WEXITSTATUS(live.status), 1); /* for the one that was lost */
    live.status = 0;
    child_fini(&again[1]);
}

/* ---- The session that engine/live/README.md shows ---- */

/* Digits are another matter each time: ports, times, numbers of processes. */
static bool is_same_text(const char *shown, const char *real)
{
    while (*shown != '\0' && *real != '\0') {
        if (isdigit((unsigned char)*shown) && isdigit((unsigned char)*real)) {
            shown += strspn(shown, "0123456789");
            real += strspn(real, "0123456789");
        } else if (*shown++ != *real++) {
            return false;
        }
    }
    return *shown == *real;
}

/* What is shown is there, in the same words; numbers may be others, or not known this time. */
static bool is_as_shown(const json_t *shown, const json_t *real)
{
    const char *key;
    json_t *value;
    size_t idx;

    if (json_is_integer(shown) || json_is_null(shown))
        return json_is_integer(real) || json_is_null(real);
    if (json_is_string(shown))
        return json_is_string(real) &&
               is_same_text(json_string_value(shown), json_string_value(real));
    json_array_foreach((json_t *)shown, idx, value)
    {
        if (!is_as_shown(value, json_array_get(real, idx)))
            return false;
    }
    json_object_foreach((json_t *)shown, key, value)
    {
        if (!is_as_shown(value, json_object_get(real, key)))
            return false;
    }
    return shown != NULL && real != NULL && json_typeof(shown) == json_typeof(real) &&
           json_array_size(shown) == json_array_size(real);
}

/* The next line of the door that is no event which comes when it likes. */
static json_t *next_of_door(FILE *door)
{
    char line[65536];

    for (;;) {
        assert_non_null(fgets(line, sizeof line, door));
        json_t *object = json_loads(line, 0, NULL);
        assert_non_null(object);
        const char *event = json_string_value(json_object_get(object, "event"));
        if (event == NULL || strncmp(event, "migration_", 10) == 0)
            return object;
        json_decref(object);
    }
}

static void the_session_is_as_shown(void **state)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    char line[8192];
    unsigned count = 0;
    (void)state;
    FILE *readme = fopen("engine/live/README.md", "r");
    assert_non_null(readme);
    snprintf(address.sun_path, sizeof address.sun_path, "%s/control", folder);
    int descriptor = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_int_equal(connect(descriptor, (struct sockaddr *)&address, sizeof address), 0);
    FILE *door = fdopen(descriptor, "r+");
    while (fgets(line, sizeof line, readme) != NULL) {
        if (strncmp(line, "    -> ", 7) == 0)
            assert_int_equal(send(descriptor, line + 7, strlen(line + 7), MSG_NOSIGNAL),
                             strlen(line + 7));
        if (strncmp(line, "    <- ", 7) != 0)
            continue;
        json_t *shown = json_loads(line + 7, 0, NULL), *real = next_of_door(door);
        if (shown == NULL || !is_as_shown(shown, real))
            fail_msg("README.md shows %s, the door says %s", line + 7,
                     json_dumps(real, JSON_COMPACT));
        json_decref(shown);
        json_decref(real);
        count++;
    }
    assert_int_equal(count, 8);
    fclose(door);
    fclose(readme);
    await_line("kv: completed after");
    count_on();
    assert_int_equal(ferry("migrate --control $D/control --quiet"), 0); /* back to A */
    await_line("kv: completed after");
}

static void a_guest_may_have_many_arguments(void **state)
{
    struct child echo;
    struct problem problem = {STATUS_OK, ""};
    char number[12];
    (void)state;
    child_init(&echo, "echo", "/bin/echo");
    for (unsigned i = 1; i <= 1000; i++) {
        snprintf(number, sizeof number, "%u", i);
        child_add_word(&echo, number);
    }
    assert_int_equal(child_start(&echo, STDERR_FILENO, &problem), STATUS_OK);
    const char *line = child_next_line(&echo, true);
    assert_non_null(line);
    assert_non_null(strstr(line, " 999 1000"));
    child_fini(&echo);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_guest_may_have_many_arguments),
        cmocka_unit_test(status_shows_who_is_there),
        cmocka_unit_test(wrong_lines_begin_nothing),
        cmocka_unit_test(the_session_is_as_shown),
        cmocka_unit_test(every_mode_moves_it),
        cmocka_unit_test(a_move_is_told_and_recorded),
        cmocka_unit_test(more_clients_than_there_is_room_for_wait),
        cmocka_unit_test(the_link_obeys),
        cmocka_unit_test(a_move_is_given_up),
        cmocka_unit_test(the_end_of_another_guest_is_not_ours),
        cmocka_unit_test(a_guest_that_ends_at_once_says_why),
        cmocka_unit_test(a_gateway_that_dies_has_a_successor),
        cmocka_unit_test(a_gateway_that_dies_leaves_what_was_recorded),
        cmocka_unit_test(a_host_that_dies_is_told),
    };
    return cmocka_run_group_tests(tests, start_live, stop_live);
}
