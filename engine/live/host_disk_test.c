/* Guests with a disk: each has its own, takes it along, and is not held by one that fails. */
#include <sys/stat.h>
#include <unistd.h>

#include "live/two_hosts.h"

/* Each checks what it reads against what it wrote, wherever the other is. */
static void guests_have_a_disk_each(void **state)
{
    const char *disks = disks_begin();
    (void)state;
    stand_open(disks);
    for (unsigned i = 0; i < 3; i++) {
        char args[64];
        snprintf(args, sizeof args, "--records 2000 --rate 20000/s --seed %u", i + 1);
        struct resident *resident =
            find_resident(put_guest(i / 2, "guest=journal memory=4MiB", args));
        snprintf(resident->name, sizeof resident->name, "journal%u", i);
    }
    run_until(find_resident("journal0")->is_ended && find_resident("journal1")->is_ended &&
              find_resident("journal2")->is_ended);
    unsigned count = 0;
    for (const char *at = stand.console; (at = strstr(at, "ok\n")) != NULL; at++)
        count++;
    assert_int_equal(count, 3);
    stand_close();
    disk_ends(disks, "journal0");
    disk_ends(disks, "journal1");
    disk_ends(disks, "journal2");
    disks_end(disks);
}

/* A guest that has begun to use its disk stays where there is one. */
static void a_disk_is_not_left_behind(void **state)
{
    const char *disks = disks_begin();
    (void)state;
    stand_open(NULL);
    host_dies(0);
    host_begins(0, disks);
    run_until(peer_named("A") != NULL);
    add_guest(0, "guest=journal memory=4MiB", "--records 1000000 --rate 1000/s");
    run_until(machine_disk(find_resident("journal")->guest)->done > 0);
    assert_string_equal(begin_move("journal", "mode=pre-copy"), "");
    run_until(*stand.outcome != '\0');
    assert_string_equal(stand.outcome, "aborted");
    assert_non_null(strstr(stand.reason, "journal uses its disk, and the target has none"));
    lives("journal");

    host_dies(1);
    run_until(peer_named("B") == NULL && find_departure_half() == NULL);
    host_begins(1, "/tmp/ferry-another-disk");
    run_until(peer_named("B") != NULL);
    assert_string_equal(begin_move("journal", "mode=pre-copy"), "");
    await_end("aborted");
    assert_non_null(strstr(stand.reason, "journal uses its disk, and the target does not reach"));
    lives("journal");
    stand_close();
    disk_ends(disks, "journal");
    disks_end(disks);
}

/* A disk that cannot be written costs a move, and the guest what it asked for alone, which it has as
 * soon as there is a disk again. */
static void a_disk_that_fails_holds_nobody(void **state)
{
    const char *disks = disks_begin();
    char path[128];
    (void)state;
    snprintf(path, sizeof path, "%s.journal", disks);
    assert_int_equal(mkdir(path, 0700), 0); /* no file can be there */
    stand_open(disks);
    add_guest(0, "guest=journal memory=4MiB", "--records 1000000 --rate 1000/s");
    struct disk *disk = machine_disk(find_resident("journal")->guest);
    run_until(disk->asked > 0);
    assert_string_equal(begin_move("journal", "mode=stop-and-copy"), "");
    run_until(stand.ended == 1);
    assert_string_equal(stand.outcome, "aborted");
    assert_non_null(strstr(stand.reason, "the disk does not answer"));
    lives("journal");
    run_until(find_departure_half() == NULL);
    assert_int_equal(disk->done, 0);
    assert_int_equal(rmdir(path), 0);
    run_until(disk->done > 0);

    find_resident("journal")->disk_due_ns = UINT64_MAX; /* the next request waits */
    run_until(disk->asked > disk->done);
    struct move *move = hold_at("journal", "mode=stop-and-copy", PHASE_PAUSE);
    assert_true(move->source.is_draining);
    find_resident("journal")->disk_due_ns = 1;
    go_on(move);
    await_end("completed");
    stand_close();
    disk_ends(disks, "journal");
    disks_end(disks);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(guests_have_a_disk_each),
        cmocka_unit_test(a_disk_is_not_left_behind),
        cmocka_unit_test(a_disk_that_fails_holds_nobody),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
