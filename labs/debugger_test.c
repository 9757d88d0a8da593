/* Guests under a real GDB, as a person types it: forwards and backwards, and through a move.
 * Without gdb-multiarch (a package of that name) what needs it is skipped, and says so. */
#include "labs/as_user.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <sys/socket.h>

#include "labs/debugger.h"
#include "machine/debug_program.h"

static bool has_gdb;

static void need_gdb(void)
{
    if (has_gdb)
        return;
    print_message("skipped: there is no gdb-multiarch (Debian: package gdb-multiarch)\n");
    skip();
}

/* Starts ferry with that line and lets GDB say the commands, separated by "; ". What GDB printed is
 * in `out` then, ferry's own output and errors in the folder; returns ferry's exit status. */
static int debug(const char *ferry_line, const char *image, const char *commands)
{
    char line[4096];
    int count =
        snprintf(line, sizeof line,
                 "rm -f $D/ferry_err; timeout 100 $F %s >$D/ferry_out 2>$D/ferry_err & P=$!; "
                 "for i in $(seq 500); do grep -qs target.remote $D/ferry_err && break; "
                 "sleep 0.02; done; "
                 "L=$(grep -o 'target remote :[0-9]*' $D/ferry_err); "
                 "timeout 90 gdb-multiarch -nx -batch -ex 'set pagination off' "
                 "-ex 'set confirm off' %s -ex \"$L\"",
                 ferry_line, image);
    while (*commands != '\0') {
        size_t length = strcspn(commands, ";");
        count += snprintf(line + count, sizeof line - (size_t)count, " -ex '%.*s'", (int)length,
                          commands);
        commands += length + (commands[length] == ';');
        commands += strspn(commands, " ");
    }
    snprintf(line + count, sizeof line - (size_t)count, " 2>&1; wait $P; exit $?");
    return shell(line);
}

static void says(const char *text, const char *part)
{
    if (strstr(text, part) == NULL)
        fail_msg("\"%s\" is not in:\n%s\n%s", part, text, err);
}

static void a_guest_forwards_and_backwards(void **state)
{
    static char console[TEXT_MAX], told[TEXT_MAX];
    (void)state;
    need_gdb();
    int status = debug("guest run hello --gdb 0", BUILD_DIR "/guests/hello",
                       "break main; continue; backtrace; next; next; next; reverse-continue; "
                       "info registers pc priv; monitor where; reverse-continue; continue; "
                       "delete; continue");
    assert_int_equal(status, 0);
    says(out, "Breakpoint 1, main");
    says(out, "prv:1 [Supervisor]");
    says(out, "hart 0: 0x8");
    says(out, "No more reverse-execution history");
    says(out, "exited normally");
    slurp("ferry_out", console);
    slurp("ferry_err", told);
    /* What is lived again is not said again. */
    says(console, "Hello from a RISC-V machine");
    assert_null(strstr(strstr(console, "Hello") + 1, "Hello"));
    says(told, "waits at its first instruction for a debugger");
}

static void watchpoints_in_both_directions(void **state)
{
    (void)state;
    need_gdb();
    int status = debug("guest run --gdb 0 sort --count 2000", BUILD_DIR "/guests/sort",
                       "break merge; continue; delete; set $at = (long *)$a4; "
                       "set $before = *$at; watch -l *(long *)$at; continue; "
                       "print *$at != $before; reverse-continue; print *$at == $before; "
                       "rwatch *(long *)left; reverse-stepi; stepi; delete; continue");
    assert_int_equal(status, 0);
    says(out, "Hardware watchpoint 2");
    says(out, "$1 = 1");
    says(out, "$2 = 1");
    says(out, "exited normally");
}

/* Several harts are threads; each can be looked at. */
static void harts_are_threads(void **state)
{
    (void)state;
    need_gdb();
    int status = debug("guest run --harts 3 --gdb 0 hello", BUILD_DIR "/guests/hello",
                       "info threads; break main; continue; thread 3; print $pc; thread 1; "
                       "stepi; continue");
    assert_int_equal(status, 0);
    says(out, "\"hart 2\" (stopped: nobody has started it)");
    says(out, "[Switching to thread 3");
    says(out, "exited normally");
}

/* A crash is looked at, undone, and reported. */
static void a_crash_is_held_and_reported(void **state)
{
    static char told[TEXT_MAX];
    (void)state;
    need_gdb();
    int status = debug("guest run --gdb 0 hello", BUILD_DIR "/guests/hello",
                       "break main; continue; set $pc = 0x1230; continue; print $pc; "
                       "continue");
    assert_int_equal(status, 1);
    says(out, "received signal SIGSEGV");
    says(out, "terminated with signal SIGSEGV");
    slurp("ferry_out", told);
    slurp("ferry_err", told);
    says(told, "hello cannot go on: jump outside memory: address 0x0000000000001230");
    says(told, "hart 0 in supervisor mode");
    says(told, "  sp  ");
}

static void it_leaves_or_ends_the_guest(void **state)
{
    static char told[TEXT_MAX];
    (void)state;
    need_gdb();
    assert_int_equal(debug("guest run --gdb 0 hello", BUILD_DIR "/guests/hello", "detach"), 0);
    slurp("ferry_out", told);
    says(told, "Hello");
    assert_int_equal(debug("guest run --gdb 0 hello", BUILD_DIR "/guests/hello", "kill"), 1);
    slurp("ferry_err", told);
    says(told, "was ended by the debugger");
}

#define MOVE                                                                           \
    "--guest kv --clients 2 --request-rate 1000/s --memory 16MiB --bandwidth 1Gbit/s " \
    "--start-at 50ms --run-for 200ms --quiet "

/* The debugger stays while the guest moves, and the run is the one that it is without: to the byte.
 */
static void it_goes_along_and_changes_nothing(void **state)
{
    static const char *const modes[] = {"pre-copy", "post-copy"};
    static char with[TEXT_MAX], without[TEXT_MAX];
    (void)state;
    need_gdb();
    for (int i = 0; i < 2; i++) {
        char line[400];
        snprintf(line, sizeof line, "run " MOVE "--mode %s --json $D/with --gdb 0", modes[i]);
        int status = debug(line, BUILD_DIR "/guests/kv",
                           "hbreak store_set; continue; monitor world; x/64gx $sp; ignore 1 30; "
                           "continue; watch *(int *)0x80f00000; ignore 1 250; continue; "
                           "monitor world; print/x *(char (*)[65536])0x80100000; delete; continue");
        assert_int_equal(status, 0);
        says(out, "not begun; the guest is at host A");
        says(out, "the guest is at host B");
        snprintf(line, sizeof line, "$F run " MOVE "--mode %s --json $D/without", modes[i]);
        assert_int_equal(shell(line), 0);
        slurp("with", with);
        slurp("without", without);
        says(without, "recording_digest");
        assert_string_equal(with, without);
    }
}

static void the_move_is_steered_from_there(void **state)
{
    (void)state;
    need_gdb();
    int status = debug("run " MOVE "--mode post-copy --gdb 0", BUILD_DIR "/guests/kv",
                       "hbreak store_set; continue; monitor migrate; monitor migrate; "
                       "ignore 1 100; continue; monitor world; monitor nonsense; reverse-stepi; "
                       "delete; continue");
    assert_int_equal(status, 0);
    says(out, "The move begins.");
    says(out, "The move has begun already.");
    says(out, "the guest is at host B");
    says(out, "There is no such word");
    says(out, "does not support this command"); /* backwards, in a world */
}

/* ---- Without GDB ---- */

static void mistakes_are_told(void **state)
{
    static const struct {
        const char *line, *part;
    } rows[] = {
        {"guest run hello --gdb", "--gdb needs a value"},
        {"guest run hello --gdb abc", "\"abc\" is no port"},
        {"guest run hello --gdb 65536", "\"65536\" is no port"},
        {"guest run hello --gdb -1", "\"-1\" is no port"},
        {"guest run hello --gdb ''", "\"\" is no port"},
        {"guest run --gdb 0 --gdb 0 hello", "--gdb was given already"},
        {"run --guest model:uniform --gdb 0", "a model has no program"},
        {"run --verify --gdb 0", "keep one of them"},
        {"run --gdb abc", "\"abc\" is no port"},
        {"tui --gdb 99999 </dev/null", "\"99999\" is no port"},
        {"compare --gdb 0", "unknown option --gdb"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        assert_refused(rows[i].line, rows[i].part);
    }
}

static void a_port_in_use_is_told(void **state)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t bytes = sizeof address;
    char line[100];
    int taken = socket(AF_INET, SOCK_STREAM, 0);
    (void)state;
    assert_int_equal(bind(taken, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(taken, 1), 0);
    assert_int_equal(getsockname(taken, (struct sockaddr *)&address, &bytes), 0);
    snprintf(line, sizeof line, "$F guest run hello --gdb %u", ntohs(address.sin_port));
    assert_int_equal(shell(line), 2);
    says(err, "another program has it");
    close(taken);
}

/* Who is told to end the guest, and hangs up then, has answered before. */
static void the_end_is_answered(void **state)
{
    static struct debug_program program;
    struct guest *guest = debug_program_boot(&program, 1);
    struct bytes image = program_image(&program.program);
    struct debugger debugger;
    char answer[32] = "";
    (void)state;
    assert_int_equal(debugger_open(&debugger, "0", image.data, image.count, NULL), STATUS_OK);
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons(debugger.port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int client = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(connect(client, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(send(client, "$vKill;1#6e", 11, 0), 11);
    while (debugger_next(&debugger, guest, 1000) != GDB_KILL)
        ;
    debugger_close(&debugger);
    size_t count = 0;
    for (ssize_t more = 1; more > 0 && count < sizeof answer - 1; count += (size_t)more)
        more = recv(client, answer + count, sizeof answer - 1 - count, 0);
    assert_string_equal(answer, "+$OK#9a");
    close(client);
    bytes_fini(&image);
    guest->ops->close(guest);
}

static int set_up(void **state)
{
    has_gdb = system("command -v gdb-multiarch >/dev/null") == 0;
    return make_folder(state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_guest_forwards_and_backwards),
        cmocka_unit_test(watchpoints_in_both_directions),
        cmocka_unit_test(harts_are_threads),
        cmocka_unit_test(a_crash_is_held_and_reported),
        cmocka_unit_test(it_leaves_or_ends_the_guest),
        cmocka_unit_test(it_goes_along_and_changes_nothing),
        cmocka_unit_test(the_move_is_steered_from_there),
        cmocka_unit_test(mistakes_are_told),
        cmocka_unit_test(a_port_in_use_is_told),
        cmocka_unit_test(the_end_is_answered),
    };
    return cmocka_run_group_tests(tests, set_up, remove_folder);
}
