#include "labs/guest_list.h"

#include <stdarg.h>
#include <string.h>

#include "labs/beside.h"
#include "labs/command.h"
#include "labs/exercise_file.h"
#include "labs/image.h"
#include "labs/lab.h"
#include "labs/people.h"
#include "machine/hypercall.h"
#include "machine/writes.h"
#include "sim/survey.h"

#define USES_BYTES 400
#define NAME       "%-17s"
#define ROW        NAME "%10s%10s%13s  "

/* What came with ferry, in a sentence each; a guest that is not named here is listed without one.
 */
static const struct {
    const char *name, *sentence;
} sentences[] = {
    {"chat", "a room: what one says all hear, in one order; slow readers hold up nobody"},
    {"counter", "counts, and says so now and then: the smallest thing that lives"},
    {"database", "a table written to all the time: an index over a log, each checks the other"},
    {"game", "a world that goes on every 20 ms, with players, and says when it is late"},
    {"hello", "says hello and ends"},
    {"journal", "writes down what it does before it does it: is what was moved one instant?"},
    {"kv", "a key-value server that speaks RESP, the one that the clients talk to"},
    {"life", "Conway's game of life: what it comes to is known to the last bit"},
    {"memwalk", "writes pages at a rate and in a pattern: the guest to measure with"},
    {"metronome", "ticks every millisecond to whoever listens: a pause is heard outside"},
    {"sort", "fills its memory, sorts it, and checks itself"},
    {"storm", "quiet until it touches all its memory at once: after a switch, a storm"},
    {"threads", "a small pre-emptive kernel with threads on all harts"},
    {"web", "a web server: a page with a counter that must not stop"},
};

static const char *sentence_of(const char *name)
{
    for (size_t i = 0; i < sizeof sentences / sizeof sentences[0]; i++)
        if (strcmp(sentences[i].name, name) == 0)
            return sentences[i].sentence;
    return "";
}

/* ---- Who uses it ---- */

__attribute__((format(printf, 2, 3))) static void add_use(char *uses, const char *format, ...)
{
    size_t used = strlen(uses);
    va_list arguments;

    if (used > 0)
        used += (size_t)snprintf(uses + used, USES_BYTES - used, ", ");
    if (used >= USES_BYTES)
        return;
    va_start(arguments, format);
    vsnprintf(uses + used, USES_BYTES - used, format, arguments);
    va_end(arguments);
}

static void add_demo(char *uses, const char *guest)
{
    struct scenario scenario;
    const char *of_demo;

    scenario_init(&scenario);
    of_demo = scenario.guest;
    for (const struct preset *preset = demo_presets; preset->key != NULL; preset++)
        if (strcmp(preset->key, "guest") == 0)
            of_demo = preset->value;
    if (strcmp(of_demo, guest) == 0)
        add_use(uses, "the demo");
    scenario_fini(&scenario);
}

static bool lab_uses(const struct lab *lab, const char *guest)
{
    for (int i = 0; i < lab->step_count; i++)
        if (lab->steps[i].kind == LAB_run && strcmp(lab->steps[i].scenario.guest, guest) == 0)
            return true;
    return false;
}

static void add_labs(char *uses, const char *guest)
{
    static struct lab lab; /* too large for a stack */
    struct lab_name names[LAB_COUNT_MAX];
    char folder[BESIDE_PATH_MAX];
    int count = beside_path("labs", folder, sizeof folder) ? lab_list(folder, names) : 0;

    for (int i = 0; i < count; i++) {
        if (lab_load(&lab, folder, names[i].name, NULL) == STATUS_OK && lab_uses(&lab, guest))
            add_use(uses, "lab %u", names[i].number);
        lab_fini(&lab);
    }
}

static void add_exercises(char *uses, const char *guest)
{
    static struct exercise exercise; /* too large for a stack */
    char folder[EXERCISE_PATH_MAX];
    unsigned number;

    for (unsigned least = 0; exercise_file_find(least, folder, &number); least = number + 1) {
        bool is_used = false;
        if (exercise_file_read(&exercise, folder, number, NULL) == STATUS_OK)
            for (uint32_t i = 0; i < exercise.case_count; i++)
                is_used |= strcmp(exercise.cases[i].scenario.guest, guest) == 0;
        if (is_used)
            add_use(uses, "exercise %02u", number);
        exercise_fini(&exercise);
    }
}

/* ---- The table ---- */

static enum status measure(const char *name, struct survey *survey, struct problem *problem)
{
    struct scenario scenario;
    struct image image = {0};

    scenario_init(&scenario);
    enum status status = scenario_set(&scenario, "guest", name, problem);
    if (status == STATUS_OK)
        status = scenario_check(&scenario, false, problem);
    if (status == STATUS_OK)
        status = image_load(&image, &scenario, problem);
    if (status == STATUS_OK)
        status = survey_make(&scenario, image.data, image.bytes, survey, problem);
    image_fini(&image);
    scenario_fini(&scenario);
    return status;
}

static void print_guest(FILE *file, const char *name, const char *sentence)
{
    struct people people = {0};
    struct problem problem = {STATUS_OK, ""};
    struct survey survey;
    char uses[USES_BYTES] = "";

    add_demo(uses, name);
    add_labs(uses, name);
    add_exercises(uses, name);
    if (measure(name, &survey, &problem) == STATUS_OK) {
        char dirties[48], row[160], ends[64] = "";
        snprintf(dirties, sizeof dirties, "%s/s", people_count(&people, survey.dirty_rate));
        snprintf(row, sizeof row, ROW, name,
                 people_bytes(&people, survey.memory_pages * PAGE_BYTES), dirties,
                 people_bytes(&people, survey.working_set_pages * PAGE_BYTES));
        if (survey.has_ended)
            snprintf(ends, sizeof ends, "ends after %s%s", people_time(&people, survey.lived_ns),
                     *uses == '\0' ? "" : "; ");
        char text[sizeof ends + USES_BYTES];
        snprintf(text, sizeof text, "%s%s", ends, uses);
        people_wrap(file, row, *text == '\0' ? "-" : text);
    } else {
        people_wrap(file, name, problem.text);
    }
    if (*sentence != '\0')
        fprintf(file, "    %s\n", sentence);
}

int guest_list(FILE *file)
{
    char **names;
    size_t count = image_names(&names);

    fprintf(file, ROW "%s\n", "guest", "memory", "dirties", "working set", "used by");
    for (size_t i = 0; i < count; i++)
        print_guest(file, names[i], sentence_of(names[i]));
    image_free_names(names, count);
    if (count == 0)
        people_wrap(file, "",
                    "(no programs are beside this ferry: make builds them, with clang and lld or "
                    "from a guests.tar; models need none)");
    for (unsigned i = 0; i < WRITES_PATTERN_COUNT; i++) {
        char name[24];
        snprintf(name, sizeof name, "model:%s", writes_pattern_name((enum writes_pattern)i));
        print_guest(file, name, writes_pattern_sentence((enum writes_pattern)i));
    }
    fprintf(file, NAME "%s\n", "FILE.elf",
            "a program of your own for 64-bit RISC-V (guests/README.md: how)");
    fputs("\n", file);
    people_wrap(
        file, "",
        "Measured just now, in virtual time: each guest unmoved, as ferry run starts it, with "
        "its clients. memory: pages that hold something. From 100 to 600 ms of its life, "
        "dirties: pages written within 100 ms, times ten; working set: all that it wrote.");
    return EXIT_DONE;
}
