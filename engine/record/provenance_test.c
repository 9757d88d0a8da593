/* What became of a page, from a table of events. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "record/provenance.h"

static const struct event events[] = {
    {.at_ns = 1, .kind = EVENT_ROUND_STARTED, .round_started = {0, 8, 0}},
    {.at_ns = 2,
     .kind = EVENT_PAGES_SENT,
     .pages_sent = {0, 8, WHY_FIRST, 8 * 4120, PAGE_FORM_PLAIN}},
    {.at_ns = 3,
     .kind = EVENT_PAGE_DIRTIED,
     .page_dirtied = {.page_idx = 5, .hart_idx = 2, .pc = 0x80000010}},
    {.at_ns = 4, .kind = EVENT_PAGE_DIRTIED, .page_dirtied = {.page_idx = 6, .pc = 0x80000020}},
    {.at_ns = 5, .kind = EVENT_ROUND_ENDED, .round_ended = {0, 8, 8 * 4120, 2}},
    {.at_ns = 5, .kind = EVENT_ROUND_STARTED, .round_started = {1, 2, 1}},
    {.at_ns = 6, .kind = EVENT_PAGES_SENT, .pages_sent = {5, 2, WHY_RESENT, 41, PAGE_FORM_ZERO}},
    {.at_ns = 7, .kind = EVENT_ROUND_ENDED, .round_ended = {1, 2, 41, 0}},
    {.at_ns = 8, .kind = EVENT_PAGE_FAULTED, .page_faulted = {.page_idx = 5, .hart_idx = 1}},
    {.at_ns = 9, .kind = EVENT_PAGES_SENT, .pages_sent = {5, 1, WHY_FAULT, 4120, PAGE_FORM_PLAIN}},
    {.at_ns = 19, .kind = EVENT_FAULT_RESOLVED, .fault_resolved = {5, 1, 11}},
};
#define EVENT_TOTAL (sizeof events / sizeof *events)

static void test_one_page_has_its_history(void **state)
{
    static const enum happened expected[] = {HAPPENED_SENT,  HAPPENED_WRITE, HAPPENED_SENT,
                                             HAPPENED_ASKED, HAPPENED_SENT,  HAPPENED_WAITED};
    struct provenance page;
    (void)state;

    provenance_init(&page, 5);
    for (size_t i = 0; i < EVENT_TOTAL; i++)
        provenance_add(&page, &events[i]);
    assert_int_equal(page.item_count, 6);
    for (uint32_t i = 0; i < 6; i++)
        assert_int_equal(page.items[i].what, expected[i]);
    assert_int_equal(page.items[0].round_idx, 0);
    assert_false(page.items[0].is_paused);
    assert_int_equal(page.items[1].pc, 0x80000010);
    assert_int_equal(page.items[1].hart_idx, 2);
    assert_int_equal(page.items[2].round_idx, 1);
    assert_true(page.items[2].is_paused);
    assert_int_equal(page.items[2].form, PAGE_FORM_ZERO);
    assert_int_equal(page.items[2].bytes, 21); /* 41 in two, the first page with what is over */
    assert_true(page.items[4].round_idx == PROVENANCE_NO_ROUND);
    assert_int_equal(page.items[5].wait_ns, 11);
    assert_int_equal(page.cost.copies, 3);
    assert_int_equal(page.cost.bytes, 4120 + 21 + 4120);
    assert_int_equal(page.cost.wasted_bytes, 4120 + 21); /* all but the last copy */
    assert_int_equal(page.cost.waited_ns, 11);
    provenance_fini(&page);
}

static void test_all_pages_agree_with_each(void **state)
{
    struct provenance_all all;
    uint64_t top[8];
    (void)state;

    provenance_all_init(&all, 8);
    for (size_t i = 0; i < EVENT_TOTAL; i++)
        provenance_all_add(&all, &events[i]);
    for (uint64_t idx = 0; idx < 8; idx++) {
        struct provenance page;
        provenance_init(&page, idx);
        for (size_t i = 0; i < EVENT_TOTAL; i++)
            provenance_add(&page, &events[i]);
        assert_int_equal(page.cost.bytes, all.costs[idx].bytes);
        assert_int_equal(page.cost.wasted_bytes, all.costs[idx].wasted_bytes);
        assert_int_equal(page.cost.writes, all.costs[idx].writes);
        assert_int_equal(page.cost.waited_ns, all.costs[idx].waited_ns);
        provenance_fini(&page);
    }
    assert_int_equal(provenance_all_top(&all, 8, top), 2);
    assert_int_equal(top[0], 5);
    assert_int_equal(top[1], 6);
    assert_int_equal(provenance_all_top(&all, 1, top), 1);
    assert_int_equal(top[0], 5);

    /* A move that was given up has copied all for nothing. */
    provenance_all_add(&all, &(struct event){.kind = EVENT_MIGRATION_ENDED,
                                             .migration_ended = {.outcome = OUTCOME_ABORTED}});
    assert_int_equal(provenance_all_top(&all, 8, top), 8);
    assert_int_equal(all.costs[0].wasted_bytes, 4120);
    provenance_all_fini(&all);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_page_has_its_history),
        cmocka_unit_test(test_all_pages_agree_with_each),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
