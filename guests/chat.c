/* chat: a room on port 7000. A line that one says is heard by all, itself included, in the same
 * order everywhere: an order that anybody can check, because the lines are numbered.
 *
 *      /name ANNA      from now on called so; before, everybody is a number
 *      /who            who is here
 *      /quit           leaves
 *      anything else   is said:  "17 ANNA: anything else"
 *
 * Who reads too slowly misses lines, and is told how many; nobody waits for him. Lines are kept,
 * the last ones, and shown to those who come in: in a ring, each sealed by a checksum. By that the
 * chat checks itself: a line that it shows or overwrites must be what was said. */
#include "serve.h"

#define PORT       7000
#define LINE_MAX   256 /* bytes that one may say at a time, without the line end */
#define NAME_MAX   16
#define SAID_MAX   (LINE_MAX + NAME_MAX + 32) /* with number and name */
#define ANSWER_MAX 2048 /* what one line may bring about at its speaker: /who, at most */
#define SILENCE_NS (600 * 1000000000ull) /* a chat is quiet now and then; that long it is not */
#define KEPT_LINES 1024
#define SHOWN      5 /* lines, to one who comes in */
#define LINES_TOLD 1000
#define LINGER_NS  100000000ull /* a machine that has ended sends nothing that was lost again */

static struct speaker {
    char name[NAME_MAX + 1];
    uint64_t missed;
} speakers[SERVE_CLIENTS];

static struct line {
    uint64_t seal, number;
    uint32_t count;
    char text[SAID_MAX];
} kept[KEPT_LINES];

static uint64_t said_count;

static struct speaker *speaker_of(const struct client *client)
{
    return &speakers[number_of_client(client)];
}

/* ---- Lines ---- */

static uint64_t seal_of(const struct line *line)
{
    return checksum(&line->number, sizeof *line - sizeof line->seal, 0);
}

static void check_line(uint64_t number)
{
    const struct line *line = &kept[number % KEPT_LINES];

    if (line->number == number && line->seal == seal_of(line))
        return;
    print("chat: line %lu is not what was said\n", number);
    exit(1);
}

static uint64_t oldest_line(void)
{
    return said_count > KEPT_LINES ? said_count - KEPT_LINES + 1 : 1;
}

/* Gives a line to one client, or counts it as missed; when there is room again, with some to spare,
 * first what was missed. */
static void hear(struct client *client, const char *text, uint32_t count)
{
    struct speaker *speaker = speaker_of(client);
    char about[64];

    if (speaker->missed > 0 && client->out_count < SERVE_OUT_BYTES / 2) {
        say(client, about,
            (uint32_t)format_text(about, sizeof about, "* you missed %lu lines\n",
                                  speaker->missed));
        speaker->missed = 0;
    }
    if (speaker->missed > 0 || !say(client, text, count))
        speaker->missed++;
}

/* Says a line to everybody who is here, in its place among all lines. */
static void say_to_all(const char *who, const char *text, uint32_t count)
{
    struct line *line = &kept[++said_count % KEPT_LINES];

    if (said_count > KEPT_LINES)
        check_line(said_count - KEPT_LINES);
    memset(line, 0, sizeof *line);
    line->number = said_count;
    line->count = (uint32_t)format_text(line->text, sizeof line->text, "%lu %s", said_count, who);
    memcpy(line->text + line->count, text, count);
    line->count += count;
    line->text[line->count++] = '\n';
    line->seal = seal_of(line);
    for (uint32_t i = 0; i < SERVE_CLIENTS; i++)
        if (clients[i].is_open && !clients[i].is_closing)
            hear(&clients[i], line->text, line->count);
    if (said_count % LINES_TOLD == 0) {
        for (uint64_t number = oldest_line(); number <= said_count; number++)
            check_line(number);
        print("chat: %lu lines, %u here, all that are kept checked, ok\n", said_count,
              client_count());
    }
}

static void announce(const struct client *client, const char *event)
{
    char text[NAME_MAX + 32];
    size_t count = format_text(text, sizeof text, "%s %s", speaker_of(client)->name, event);
    say_to_all("* ", text, (uint32_t)count);
}

/* ---- What a line asks for ---- */

static bool is_name(const uint8_t *text, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        uint8_t c = text[i];
        if (!((c | 0x20) >= 'a' && (c | 0x20) <= 'z') && !(c >= '0' && c <= '9'))
            return false;
    }
    return count > 0 && count <= NAME_MAX;
}

static bool is_taken(const char *name)
{
    for (uint32_t i = 0; i < SERVE_CLIENTS; i++)
        if (clients[i].is_open && strcmp(speakers[i].name, name) == 0)
            return true;
    return false;
}

static void tell(struct client *client, const char *text)
{
    say(client, text, (uint32_t)strlen(text));
}

static void rename_speaker(struct client *client, const uint8_t *text, uint32_t count)
{
    char name[NAME_MAX + 1] = "", event[NAME_MAX + 32];

    if (!is_name(text, count)) {
        tell(client, "* a name has 1 to 16 letters and digits\n");
        return;
    }
    memcpy(name, text, count);
    if (is_taken(name)) {
        tell(client, "* somebody is called so already\n");
        return;
    }
    format_text(event, sizeof event, "is now called %s%c", name, 0);
    announce(client, event);
    memcpy(speaker_of(client)->name, name, sizeof name);
}

static void tell_who(struct client *client)
{
    tell(client, "* here:");
    for (uint32_t i = 0; i < SERVE_CLIENTS; i++)
        if (clients[i].is_open) {
            tell(client, " ");
            tell(client, speakers[i].name);
        }
    tell(client, "\n");
}

static bool begins_with(const uint8_t *text, uint32_t count, const char *word)
{
    size_t word_count = strlen(word);
    return count >= word_count && memcmp(text, word, word_count) == 0;
}

static void obey(struct client *client, const uint8_t *text, uint32_t count)
{
    if (begins_with(text, count, "/name "))
        rename_speaker(client, text + 6, count - 6);
    else if (begins_with(text, count, "/who") && count == 4)
        tell_who(client);
    else if (begins_with(text, count, "/quit") && count == 5)
        client->is_closing = true;
    else
        tell(client, "* /name NAME, /who and /quit are known; all else is said\n");
}

static void say_line(struct client *client, const uint8_t *text, uint32_t count)
{
    char name[NAME_MAX + 4], shown[LINE_MAX];

    format_text(name, sizeof name, "%s: %c", speaker_of(client)->name, 0);
    for (uint32_t i = 0; i < count; i++) /* nobody's terminal obeys another's bytes */
        shown[i] = text[i] < ' ' || text[i] == 0x7f ? '?' : (char)text[i];
    say_to_all(name, shown, count);
}

/* ---- The service ---- */

static void opened(struct client *client)
{
    uint64_t first = said_count > SHOWN ? said_count - SHOWN + 1 : 1;

    *speaker_of(client) = (struct speaker){.missed = 0};
    format_text(speaker_of(client)->name, NAME_MAX, "%u%c", number_of_client(client), 0);
    for (uint64_t number = first; number <= said_count; number++) {
        check_line(number);
        say(client, kept[number % KEPT_LINES].text, kept[number % KEPT_LINES].count);
    }
    announce(client, "came");
}

static void left(struct client *client)
{
    announce(client, "went");
}

static uint32_t take(struct client *client, const uint8_t *bytes, uint32_t count)
{
    uint32_t line_end = 0;

    while (line_end < count && bytes[line_end] != '\n')
        line_end++;
    uint32_t length = line_end > 0 && bytes[line_end - 1] == '\r' ? line_end - 1 : line_end;
    if (length > LINE_MAX) {
        tell(client, "* that line is too long: 256 bytes at most\n");
        client->is_closing = true;
        return line_end;
    }
    if (line_end == count)
        return 0;
    if (length > 0 && bytes[0] == '/')
        obey(client, bytes, length);
    else if (length > 0)
        say_line(client, bytes, length);
    return line_end + 1;
}

int main(int argc, char **argv)
{
    static const struct service service = {PORT, ANSWER_MAX, SILENCE_NS, opened, take, left};
    uint64_t last = UINT64_MAX;
    const struct option options[] = {{"--lines", OPTION_NUMBER, &last, NULL}};

    read_options(argc, argv, options, sizeof options / sizeof options[0]);
    mailbox_listen(PORT);
    print("chat: listening on port %u\n", PORT);
    while (said_count < last)
        if (!serve(&service))
            serve_wait(&service, UINT64_MAX);
    serve_send(&service);
    sleep_until(time_ns() + LINGER_NS);
    for (uint64_t number = oldest_line(); number <= said_count; number++)
        check_line(number);
    print("chat: %lu line%s, all that are kept checked, ok\n", said_count, plural(said_count));
    return 0;
}
