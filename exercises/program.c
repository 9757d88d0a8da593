#include "exercises/program.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/units.h"
#include "base/utf8.h"
#include "exercises/seat_words.h"
#include "machine/elf.h"
#include "machine/hypercall.h"

/* What a shell answers for a program that is not there; a child that could not begin says it too.
 */
#define STATUS_NO_PROGRAM 127

/* The folder that the compiler works in, and what it is to do there. */
struct workshop {
    char folder[64];
    char source[PATH_MAX], image[PATH_MAX];
    char support[PATH_MAX]; /* absolute: the compiler works in another folder */
    struct program *program;
    bool is_confined;
    char include[PATH_MAX], script[PATH_MAX], seat[PATH_MAX]; /* of the compiler's line */
    char support_from[4][PATH_MAX], support_to[4][40];
};

/* ---- Files ---- */

/* A whole regular file, and no link: what a submission points to is not the submission. */
static enum status read_file(const char *path, size_t bytes_max, struct bytes *bytes,
                             struct problem *problem)
{
    int file = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    struct stat stat_of;
    ssize_t count = 1;

    if (file < 0)
        return problem_set(problem, STATUS_NO_FILE, "%.200s: %s", path,
                           errno == ELOOP ? "a link, where a file is to be" : strerror(errno));
    if (fstat(file, &stat_of) != 0 || !S_ISREG(stat_of.st_mode) ||
        (uint64_t)stat_of.st_size > bytes_max) {
        close(file);
        return problem_set(problem, STATUS_BAD_INPUT, "%.200s: this is no file of at most %zu KiB",
                           path, bytes_max >> 10);
    }
    while (count > 0 && bytes->count <= bytes_max) {
        uint8_t *piece = bytes_extend(bytes, 65536);
        count = read(file, piece, 65536);
        bytes->count -= 65536 - (size_t)(count > 0 ? count : 0);
    }
    close(file);
    if (count < 0 || bytes->count > bytes_max)
        return problem_set(problem, STATUS_NO_FILE, "%.200s: it cannot be read whole", path);
    return STATUS_OK;
}

static enum status read_source(struct program *program, const char *path, struct problem *problem)
{
    const char *slash = strrchr(path, '/');
    const char *name = slash == NULL ? path : slash + 1;
    size_t length = strlen(name);

    if (length < 3 || length >= PROGRAM_NAME_MAX || strcmp(name + length - 2, ".c") != 0 ||
        strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.") != length)
        return problem_set(problem, STATUS_USAGE,
                           "%.200s: a strategy is a C file: its name has letters, digits, - and _, "
                           "and ends with .c",
                           path);
    snprintf(program->name, sizeof program->name, "%s", name);
    enum status status = read_file(path, PROGRAM_SOURCE_MAX, &program->source, problem);
    if (status == STATUS_OK && memchr(program->source.data, '\0', program->source.count) != NULL)
        return problem_set(problem, STATUS_BAD_INPUT, "%.200s: this is no text", path);
    bytes_put_u8(&program->source, 0);
    return status;
}

static enum status open_workshop(struct workshop *workshop, struct problem *problem)
{
    const struct program *program = workshop->program;

    snprintf(workshop->folder, sizeof workshop->folder, "/tmp/ferry-XXXXXX");
    if (mkdtemp(workshop->folder) == NULL)
        return problem_set(problem, STATUS_NO_FILE, "no folder can be made in /tmp: %s",
                           strerror(errno));
    snprintf(workshop->source, sizeof workshop->source, "%s/%s", workshop->folder, program->name);
    snprintf(workshop->image, sizeof workshop->image, "%s/program.elf", workshop->folder);
    FILE *file = fopen(workshop->source, "wxe");
    bool is_written = file != NULL && fwrite(program->source.data, 1, program->source.count - 1,
                                             file) == program->source.count - 1;
    if (file == NULL || fclose(file) != 0 || !is_written)
        return problem_set(problem, STATUS_NO_FILE, "%s cannot be written", workshop->source);
    return STATUS_OK;
}

static int remove_entry(const char *path, const struct stat *stat_of, int type, struct FTW *ftw)
{
    (void)stat_of;
    (void)type;
    (void)ftw;
    remove(path);
    return 0;
}

static void close_workshop(const struct workshop *workshop)
{
    if (workshop->folder[0] != '\0')
        nftw(workshop->folder, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
}

/* ---- The compiler's line ---- */

#define WORDS_MAX 100

struct words {
    const char *items[WORDS_MAX + 1];
    int count;
};

static void add(struct words *words, const char *const *more, size_t count)
{
    MUST(words->count + (int)count <= WORDS_MAX);
    for (size_t i = 0; i < count; i++)
        words->items[words->count++] = more[i];
}
#define ADD(words, ...)                            \
    add(words, (const char *const[]){__VA_ARGS__}, \
        sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *))

/* What a strategy is compiled with; all else that lies beside ferry is nobody's to read. */
static const char *const support_files[] = {"student.h", "seat_words.h", "seat_guest.c", "seat.ld"};
enum { SUPPORT_COUNT = sizeof support_files / sizeof support_files[0] };

/* What bubblewrap lets the compiler see. /lib and its like are links into /usr on Debian. */
static void add_confinement(struct words *words, struct workshop *workshop)
{
    ADD(words, "bwrap", "--unshare-all", "--die-with-parent", "--new-session", "--clearenv",
        "--setenv", "PATH", "/usr/bin", "--setenv", "LC_ALL", "C", "--setenv", "TMPDIR", "/work",
        "--ro-bind", "/usr", "/usr", "--symlink", "usr/lib", "/lib", "--symlink", "usr/lib64",
        "/lib64", "--symlink", "usr/bin", "/bin", "--bind", workshop->folder, "/work", "--chdir",
        "/work");
    for (int i = 0; i < SUPPORT_COUNT; i++) {
        snprintf(workshop->support_from[i], PATH_MAX, "%.4000s/%s", workshop->support,
                 support_files[i]);
        snprintf(workshop->support_to[i], sizeof workshop->support_to[i], "/ferry/%s",
                 support_files[i]);
        ADD(words, "--ro-bind", workshop->support_from[i], workshop->support_to[i]);
    }
    ADD(words, "--");
}

/* At -O0 with frame pointers a line of the source is where people think it is, and the callers of a
 * function can be found. */
static void add_compiler(struct words *words, struct workshop *workshop)
{
    const char *support = workshop->is_confined ? "/ferry" : workshop->support;

    snprintf(workshop->include, sizeof workshop->include, "-I%.4000s", support);
    snprintf(workshop->script, sizeof workshop->script, "-Wl,-T,%.4000s/seat.ld", support);
    snprintf(workshop->seat, sizeof workshop->seat, "%.4000s/seat_guest.c", support);
    ADD(words, "clang", "--target=riscv64", "-march=rv64imac", "-mabi=lp64", "-mcmodel=medany",
        "-mno-relax", "-O0", "-g", "-fno-omit-frame-pointer", "-std=gnu11", "-ffreestanding",
        "-fno-pic", "-fno-builtin", "-nostdlib", "-nostdlibinc", "-static", "-Wall", "-Wextra",
        "-Werror=return-type", "-fno-color-diagnostics", "-ferror-limit=10", workshop->include,
        "-fuse-ld=lld", "-Wl,--no-dependent-libraries", workshop->script, workshop->seat,
        workshop->program->name, "-o", "program.elf");
}

/* ---- Running it ---- */

/* In the child: from here on nothing returns. */
_Noreturn static void become_compiler(const struct workshop *workshop, const struct words *words,
                                      int output)
{
    const struct rlimit cpu = {PROGRAM_SECONDS, PROGRAM_SECONDS};
    const struct rlimit memory = {PROGRAM_MEMORY_MAX, PROGRAM_MEMORY_MAX};
    const struct rlimit file = {PROGRAM_IMAGE_MAX, PROGRAM_IMAGE_MAX};
    const struct rlimit none = {0, 0};
    int input = open("/dev/null", O_RDONLY);

    setpgid(0, 0);
    if (!workshop->is_confined) /* else bubblewrap sees to it */
        setenv("LC_ALL", "C", 1);
    /* The limit of memory comes last: it is the compiler's, and may be less than is used here. */
    if (input < 0 || dup2(input, STDIN_FILENO) < 0 || dup2(output, STDOUT_FILENO) < 0 ||
        dup2(output, STDERR_FILENO) < 0 || chdir(workshop->folder) != 0 ||
        setrlimit(RLIMIT_CPU, &cpu) != 0 || setrlimit(RLIMIT_FSIZE, &file) != 0 ||
        setrlimit(RLIMIT_CORE, &none) != 0 || setrlimit(RLIMIT_AS, &memory) != 0)
        _exit(STATUS_NO_PROGRAM);
    execvp(words->items[0], (char *const *)words->items);
    _exit(STATUS_NO_PROGRAM);
}

static uint64_t wall_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / NS_PER_MS;
}

static volatile sig_atomic_t ended_by; /* a signal that wants ferry to end; 0: none */

static void note_signal(int number)
{
    ended_by = number;
}

/* Whoever ends ferry while the compiler runs ends the compiler, too, and leaves no folder behind.
 */
static const int deadly[] = {SIGINT, SIGTERM, SIGHUP};
enum { DEADLY_COUNT = sizeof deadly / sizeof deadly[0] };

static void catch_signals(struct sigaction before[DEADLY_COUNT])
{
    struct sigaction note = {.sa_handler = note_signal};

    ended_by = 0;
    for (int i = 0; i < DEADLY_COUNT; i++)
        sigaction(deadly[i], &note, &before[i]);
}

static void release_signals(const struct sigaction before[DEADLY_COUNT])
{
    for (int i = 0; i < DEADLY_COUNT; i++)
        sigaction(deadly[i], &before[i], NULL);
}

/* Takes what the compiler says until it has closed its output; the first bytes are kept. False when
 * its time is over. */
static bool listen(int output, struct bytes *messages)
{
    uint64_t deadline_ms = wall_ms() + PROGRAM_SECONDS * 1000;
    struct pollfd readable = {.fd = output, .events = POLLIN};
    char piece[4096];

    for (;;) {
        uint64_t now_ms = wall_ms();
        if (now_ms >= deadline_ms)
            return false;
        int ready = poll(&readable, 1, (int)(deadline_ms - now_ms));
        if (ended_by != 0)
            return false;
        if (ready < 0 && errno == EINTR)
            continue;
        ssize_t count = ready > 0 ? read(output, piece, sizeof piece) : 0;
        if (ready > 0 && count <= 0)
            return true;
        if (messages->count < PROGRAM_MESSAGES_MAX)
            bytes_put(messages, piece, (size_t)count);
    }
}

/* The exit status of what the words name; -1 when it had to be ended, or ended by a signal. */
static int run_words(struct workshop *workshop, struct words *words, struct bytes *messages)
{
    int pipe_of[2], status = -1;

    words->items[words->count] = NULL;
    if (pipe2(pipe_of, O_CLOEXEC) != 0)
        return STATUS_NO_PROGRAM;
    pid_t child = fork();
    if (child == 0)
        become_compiler(workshop, words, pipe_of[1]);
    close(pipe_of[1]);
    if (child < 0) {
        close(pipe_of[0]);
        return STATUS_NO_PROGRAM;
    }
    bool is_in_time = listen(pipe_of[0], messages);
    close(pipe_of[0]);
    if (!is_in_time) {
        kill(-child, SIGKILL);
        kill(child, SIGKILL);
    }
    while (waitpid(child, &status, 0) < 0 && errno == EINTR)
        ;
    return is_in_time && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* ---- What it said ---- */

static bool begins_with(const char *text, const char *begin)
{
    return strncmp(text, begin, strlen(begin)) == 0;
}

/* The compiler's own helpers, of numbers that the machine has no instruction for: __adddf3,
 * __floatdidf, __divti3, ... (libgcc and compiler-rt). */
static bool is_arithmetic(const char *symbol, size_t length)
{
    static const char *const kinds[] = {"sf", "df", "tf", "ti"};

    if (length < 6 || !begins_with(symbol, "__"))
        return false;
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        for (size_t at = 2; at + 2 <= length; at++)
            if (at + 6 >= length && strncmp(symbol + at, kinds[i], 2) == 0)
                return true;
    return false;
}

/* What the linker says of a symbol, in words of the exercise; false: it says nothing of one. */
static bool explain_symbol(const char *line, size_t length, char *text, size_t text_bytes)
{
    static const char undefined[] = "ld.lld: error: undefined symbol: ";
    const char *symbol = line + sizeof undefined - 1;

    if (!begins_with(line, undefined))
        return false;
    length -= sizeof undefined - 1;
    if (length == 4 && begins_with(symbol, "next"))
        snprintf(text, text_bytes, "the function `next` is missing: student.h declares it");
    else if (is_arithmetic(symbol, length))
        snprintf(text, text_bytes,
                 "the machine knows no floating point and no 128 bits: use whole "
                 "numbers of 64 bits at most");
    else
        snprintf(text, text_bytes,
                 "`%.*s` is not there: there is no C library, and student.h names "
                 "all that can be called (say() prints)",
                 (int)(length < 60 ? length : 60), symbol);
    return true;
}

/* What helps nobody; the names of temporary files, which differ each time, are among it. */
static bool is_left_out(const char *line, size_t length)
{
    static const char count[] = "generated.";
    return length == 0 || begins_with(line, ">>>") ||
           begins_with(line, "clang: error: ld.lld command failed") ||
           (length >= sizeof count && begins_with(line + length - (sizeof count - 1), count));
}

/* A line; once, where it comes several times in a row. */
static void put_line(struct bytes *messages, const char *line, size_t length)
{
    size_t before = messages->count;

    bytes_put(messages, line, length);
    utf8_make_showable((char *)messages->data + before, length, ' ');
    /* "mine-1a2b3c.o": an object's name is another one each time. */
    char *at = (char *)messages->data + before;
    for (size_t i = 0; i + 9 <= length; i++)
        if (at[i] == '-' && memcmp(at + i + 7, ".o", 2) == 0)
            memset(at + i + 1, 'x', 6);
    bytes_put_u8(messages, '\n');
    length++;
    if (before >= length && messages->data[before - 1] == '\n' &&
        (before == length || messages->data[before - length - 1] == '\n') &&
        memcmp(messages->data + before - length, messages->data + before, length) == 0)
        messages->count = before;
}

static void tidy(struct program *program)
{
    static const char no_library[] = "there is no C library here: include student.h alone";
    struct bytes raw = program->messages;

    if (raw.count > PROGRAM_MESSAGES_MAX)
        raw.count = PROGRAM_MESSAGES_MAX;
    bytes_put_u8(&raw, 0);
    program->messages = (struct bytes){0};
    for (const char *line = (const char *)raw.data; *line != '\0';) {
        size_t length = strcspn(line, "\n");
        const char *not_found = strstr(line, "file not found");
        char better[200];
        if (explain_symbol(line, length, better, sizeof better))
            put_line(&program->messages, better, strlen(better));
        else if (!is_left_out(line, length))
            put_line(&program->messages, line, length);
        if (not_found != NULL && not_found < line + length)
            put_line(&program->messages, no_library, strlen(no_library));
        line += length + (line[length] == '\n');
    }
    bytes_put_u8(&program->messages, 0);
    bytes_fini(&raw);
}

static void say_instead(struct program *program, const char *text)
{
    bytes_clear(&program->messages);
    bytes_put(&program->messages, text, strlen(text) + 1);
}

/* ---- The whole ---- */

/* Before anything of a stranger's is looked at: afterwards nobody can tell who said what. */
static enum status check_tools(struct workshop *workshop, struct problem *problem)
{
    struct words words = {.count = 0};
    struct bytes said = {0};

    if (!workshop->is_confined)
        return STATUS_OK;
    if (access("/usr/bin/bwrap", X_OK) != 0)
        return problem_set(problem, STATUS_REFUSED,
                           "bubblewrap is needed to confine the compiler: apt-get install "
                           "bubblewrap, or --unconfined for a file of your own");
    if (access("/usr/bin/clang", X_OK) != 0 || access("/usr/bin/ld.lld", X_OK) != 0)
        return problem_set(problem, STATUS_NO_FILE,
                           "clang and lld are needed to compile a strategy: apt-get install clang "
                           "lld");
    add_confinement(&words, workshop);
    ADD(&words, "/usr/bin/true");
    int result = run_words(workshop, &words, &said);
    bytes_put_u8(&said, 0);
    enum status status = STATUS_OK;
    if (result != 0)
        status = problem_set(problem, STATUS_REFUSED,
                             "bubblewrap cannot confine the compiler here (%.*s): --unconfined "
                             "does without it, for a file of your own",
                             (int)strcspn((const char *)said.data, "\n"), (const char *)said.data);
    bytes_fini(&said);
    return status;
}

/* Variables outside of functions: what most people expect of them does not hold here. */
static bool has_variables(const struct program *program)
{
    const Elf64_Ehdr *header = (const Elf64_Ehdr *)program->image.data;
    const Elf64_Phdr *segments = (const Elf64_Phdr *)(program->image.data + header->e_phoff);

    for (int i = 0; i < header->e_phnum; i++)
        if (segments[i].p_type == PT_LOAD && segments[i].p_vaddr >= SEAT_DATA &&
            segments[i].p_memsz > 0)
            return true;
    return false;
}

/* It must find room below the desk: its own sections may lie anywhere. */
static void check_room(struct program *program)
{
    static const char forgotten[] =
        "note: variables outside of functions, and static ones, are in each call as they were at\n"
        "first: what is to be remembered belongs in the memo\n";
    uint64_t ram_bytes = SEAT_DESK - RAM_BASE, entry;
    uint8_t *ram = calloc(1, ram_bytes);

    MUST(ram != NULL);
    if (elf_load(program->name, program->image.data, program->image.count, ram, ram_bytes, &entry,
                 NULL) != STATUS_OK) {
        program->is_built = false;
        bytes_clear(&program->image);
        say_instead(program, "the program is larger than the 1 MiB of memory that it is given\n");
    } else if (has_variables(program)) { /* elf_load has looked at the headers */
        program->messages.count--;
        bytes_put(&program->messages, forgotten, sizeof forgotten);
    }
    free(ram);
}

static enum status judge(struct program *program, const struct workshop *workshop, int status,
                         struct problem *problem)
{
    if (status == STATUS_NO_PROGRAM && program->messages.count == 0)
        return problem_set(problem, STATUS_NO_FILE,
                           "the compiler cannot be started: apt-get install clang lld");
    bool is_broken_down = status < 0 || status >= 64; /* by a limit, or by itself */
    bytes_put_u8(&program->messages, 0);
    program->messages.count--;
    /* Of a breakdown it tells where its own code stood: other numbers each time. */
    const char *said = (const char *)program->messages.data;
    bool has_errors = strstr(said, "error:") != NULL && strstr(said, "Stack dump") == NULL;
    if (is_broken_down && !has_errors)
        say_instead(program, "the compiler needed more time or memory than it is given, or broke "
                             "down: is the program larger than it looks?\n");
    else
        tidy(program);
    if (status != 0)
        return STATUS_OK;
    if (read_file(workshop->image, PROGRAM_IMAGE_MAX, &program->image, problem) != STATUS_OK)
        return problem->status;
    program->is_built = true;
    check_room(program);
    return STATUS_OK;
}

static enum status compile(struct workshop *workshop, struct problem *problem)
{
    struct words words = {.count = 0};

    if (workshop->is_confined)
        add_confinement(&words, workshop);
    add_compiler(&words, workshop);
    int status = run_words(workshop, &words, &workshop->program->messages);
    return judge(workshop->program, workshop, status, problem);
}

enum status program_build(struct program *program, const char *path, const char *support,
                          bool is_confined, struct problem *problem)
{
    struct workshop workshop = {.program = program, .is_confined = is_confined};

    *program = (struct program){.is_built = false};
    enum status status = read_source(program, path, problem);
    if (status == STATUS_OK && realpath(support, workshop.support) == NULL)
        status = problem_set(problem, STATUS_NO_FILE, "%.200s: %s: ferry's own files are not there",
                             support, strerror(errno));
    if (status == STATUS_OK)
        status = open_workshop(&workshop, problem);
    struct sigaction before[DEADLY_COUNT];
    catch_signals(before);
    if (status == STATUS_OK)
        status = check_tools(&workshop, problem);
    if (status == STATUS_OK)
        status = compile(&workshop, problem);
    close_workshop(&workshop);
    release_signals(before);
    if (ended_by != 0)
        raise(ended_by);
    return status;
}

void program_fini(struct program *program)
{
    bytes_fini(&program->source);
    bytes_fini(&program->image);
    bytes_fini(&program->messages);
}
