/* What is said of a guest that cannot go on. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "machine/board.h"
#include "machine/crash_report.h"
#include "machine/debug.h"
#include "machine/machine.h"
#include "machine/test_program.h"

static const struct machine_config config = {.memory_bytes = 1 << 20,
                                             .cpu_rate = 100000000,
                                             .hart_count = 2,
                                             .arguments = "hello",
                                             .argument_bytes = 6};

/* Runs to its end or to where it is held, and says what is to be said. */
static char *report(struct guest *guest, struct debug *debug, const struct lines *lines)
{
    struct guest_run run = {.stop = GUEST_TIME_REACHED};
    struct bytes text = {0};
    while (run.stop != GUEST_ENDED && !debug->is_held)
        debug_run(debug, guest, UINT64_MAX / 2, &run);
    crash_report_write(guest, lines, &text);
    bytes_put_u8(&text, '\0');
    const char *line = (const char *)text.data;
    for (; *line != '\0'; line += strcspn(line, "\n") + 1)
        assert_in_range(strcspn(line, "\n"), 0, 80);
    return (char *)text.data;
}

static void says(char *text, const char *part)
{
    if (strstr(text, part) == NULL)
        fail_msg("\"%s\" is not in:\n%s", part, text);
}

/* A program without symbols: what it is about, where, the instruction, the registers. */
static void a_crash_has_cause_address_and_registers(void **state)
{
    static const struct {
        enum instruction_code code;
        uint64_t address;
        const char *first_line, *instruction, *mode;
    } rows[] = {
        {INSTRUCTION_LD, 16, "load outside memory: address 0x0000000000000010\n", "ld t1, 0(t0)",
         "supervisor"},
        {INSTRUCTION_SW, 0x80100000, "store outside memory: address 0x0000000080100000\n",
         "sw t1, 0(t0)", "supervisor"},
        /* These two are about no address. */
        {INSTRUCTION_EBREAK, 1, "breakpoint\n", "ebreak", "supervisor"},
        {INSTRUCTION_ECALL, 1, "environment call from user mode\n", "ecall", "user"},
        {INSTRUCTION_AMOADD_D, 0x80001001, "misaligned atomic access: address 0x0000000080001001\n",
         "amoadd.d t1, t1, (t0)", "supervisor"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        static struct program program;
        struct guest *guest = NULL;
        struct debug debug;
        struct lines lines = {0};
        char mode[40];
        program.count = 0;
        put_number(&program, T0, rows[i].address);
        put_number(&program, T6, 0x123456789abcdef);
        put_word(&program, program_word(rows[i].code, T1, T0, T1, 0));
        struct bytes image = program_image(&program);
        assert_int_equal(machine_open(&config, "test", image.data, image.count, &guest, NULL),
                         STATUS_OK);
        machine_of(guest)->harts[0].is_user = strcmp(rows[i].mode, "user") == 0;
        snprintf(mode, sizeof mode, "hart 0 in %s mode, after ", rows[i].mode);
        debug_init(&debug);
        debug_leave(&debug);
        char *text = report(guest, &debug, &lines);
        assert_ptr_equal(strstr(text, rows[i].first_line), text);
        says(text, rows[i].instruction);
        says(text, "t6  0123456789abcdef");
        says(text, mode);
        says(text, "no trap handler (stvec is 0)");
        assert_null(strstr(text, "\n  from"));
        free(text);
        bytes_fini(&image);
        guest->ops->close(guest);
    }
}

static uint64_t address_of(const struct lines *lines, const char *name)
{
    for (size_t i = 0; i < lines->function_count; i++)
        if (strcmp(lines->functions[i].name, name) == 0)
            return lines->functions[i].address;
    fail_msg("there is no %s", name);
    return 0;
}

/* With symbols: functions, lines, and who called. Held at the beginning of print(), it is sent to
 * nowhere from there. */
static void a_crash_has_function_line_and_callers(void **state)
{
    static uint8_t image[1 << 22];
    struct guest *guest = NULL;
    struct debug debug;
    struct lines lines;
    (void)state;
    FILE *file = fopen(BUILD_DIR "/guests/hello", "r");
    assert_non_null(file);
    size_t count = fread(image, 1, sizeof image, file);
    fclose(file);
    assert_int_equal(machine_open(&config, "hello", image, count, &guest, NULL), STATUS_OK);
    lines_init(&lines, image, count);
    debug_init(&debug);
    const struct debug_point point = {DEBUG_BREAK, address_of(&lines, "print"), 4};
    assert_true(debug_add(&debug, &point));
    debug_resume(&debug, guest, DEBUG_NO_HART);
    char *healthy = report(guest, &debug, &lines);
    assert_string_equal(healthy, "");
    free(healthy);
    machine_of(guest)->harts[0].pc = 0x1230;
    debug_leave(&debug);
    char *text = report(guest, &debug, &lines);
    says(text, "jump outside memory: address 0x0000000000001230\n");
    says(text, "  at    0x00001230  ?\n");
    says(text, "  from  0x8");
    says(text, "main+0x");
    says(text, "(hello.c:");
    says(text, "it may mislead");
    free(text);
    lines_fini(&lines);
    guest->ops->close(guest);
}

/* What other machines have and this one has not is named. */
static void a_foreign_instruction_is_explained(void **state)
{
    static const struct {
        uint32_t word;
        const char *why; /* NULL: nothing is known of it */
    } rows[] = {
        {0x30002573, "        mstatus is for machine mode: guests run in supervisor mode\n"},
        {0x30045073, "mstatus is for machine mode"}, /* csrrwi */
        {0xf1402573, "mhartid is for machine mode"},
        {0xc0301073, NULL},
        {0x33302573, "a register is for machine mode"},
        {0x30200073, "mret is for machine mode"},
        {0x00301073, "that is floating point"},
        {0x02007553, "that is floating point"},
        {0x00052507, "that is floating point"},
        {0xc0001073, NULL},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        static struct program program;
        struct guest *guest = NULL;
        struct debug debug;
        struct lines lines = {0};
        program.count = 0;
        put_word(&program, rows[i].word);
        struct bytes image = program_image(&program);
        assert_int_equal(machine_open(&config, "test", image.data, image.count, &guest, NULL),
                         STATUS_OK);
        debug_init(&debug);
        debug_leave(&debug);
        char *text = report(guest, &debug, &lines);
        says(text, "illegal instruction");
        if (rows[i].why != NULL)
            says(text, rows[i].why);
        else if (strstr(text, "machine mode") != NULL || strstr(text, "floating") != NULL)
            fail_msg("%s", text);
        free(text);
        bytes_fini(&image);
        guest->ops->close(guest);
    }
}

/* A stack lies at the beginning of memory: whoever has come to its end has used it up. */
static void a_stack_that_is_used_up_is_said(void **state)
{
    static const struct {
        uint64_t sp;
        bool is_used_up;
    } rows[] = {
        {RAM_BASE - (16 << 20) - 16, false},
        {RAM_BASE - (16 << 20), true},
        {RAM_BASE - 16, true},
        {RAM_BASE + 255, true},
        {RAM_BASE + 256, false},
        {0, false},
        {RAM_BASE + (1 << 20), false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        static struct program program;
        struct guest *guest = NULL;
        struct debug debug;
        struct lines lines = {0};
        program.count = 0;
        put_number(&program, SP, rows[i].sp);
        put_word(&program, program_word(INSTRUCTION_SD, 0, 0, T1, 8));
        struct bytes image = program_image(&program);
        assert_int_equal(machine_open(&config, "test", image.data, image.count, &guest, NULL),
                         STATUS_OK);
        debug_init(&debug);
        debug_leave(&debug);
        char *text = report(guest, &debug, &lines);
        says(text, "store outside memory: address 0x0000000000000008\n");
        assert_int_equal(strstr(text, "the stack is probably used up") != NULL, rows[i].is_used_up);
        free(text);
        bytes_fini(&image);
        guest->ops->close(guest);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_crash_has_cause_address_and_registers),
        cmocka_unit_test(a_crash_has_function_line_and_callers),
        cmocka_unit_test(a_foreign_instruction_is_explained),
        cmocka_unit_test(a_stack_that_is_used_up_is_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
