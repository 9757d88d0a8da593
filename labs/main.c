/* ferry: the front door. `ferry help` is the list below. */
#include <stdio.h>
#include <string.h>

#include "base/nearest.h"
#include "labs/command.h"
#include "labs/options.h"

static int command_help(const struct command *command, int word_count, char **words);

static const struct command commands[] = {
    {"demo", "ferry demo [OPTIONS] [-- ARGUMENTS...]",
     "a server is moved while its clients talk to it",
     "The key-value server kv, with 48 MiB of data in 64 MiB of memory, is moved over\n"
     "a link of 200 Mbit/s while four clients write about 4,000 pages a second. At a\n"
     "terminal it is drawn (? shows the keys); elsewhere, and with --plain, it is told\n"
     "in lines. Every option overrides what the demonstration brings along.\n",
     TAKES_SCENARIO | TAKES_JSON | TAKES_RECORD | TAKES_PLAIN | TAKES_GDB, demo_presets,
     command_demo},
    {"run", "ferry run [SCENARIO.ini] [OPTIONS] [-- ARGUMENTS...]",
     "one migration, and a summary of it",
     "A scenario file has lines of key = value; the keys are the options below. What\n"
     "the command line says overrides the file.\n",
     TAKES_SCENARIO | TAKES_STRATEGY | TAKES_JSON | TAKES_RECORD | TAKES_PLAIN | TAKES_QUIET |
         TAKES_VERIFY | TAKES_GDB,
     NULL, command_run},
    {"compare", "ferry compare [SCENARIO.ini] [OPTIONS] [-- ARGUMENTS...]",
     "the same guest and seed in every mode, one table", NULL,
     TAKES_SCENARIO | TAKES_EVERY_MODE | TAKES_JSON | TAKES_PLAIN | TAKES_QUIET, NULL,
     command_compare},
    {"sweep", "ferry sweep --vary KEY=VALUES [SCENARIO.ini] [OPTIONS] [-- ARGUMENTS...]",
     "one thing varied: a table, CSV and a plot",
     "KEY is an option below, or `load`: the pages that are written in a second as a\n"
     "part of those that the link can copy. VALUES are a,b,c; or from..to,\n"
     "from..to+step, from..to*factor. --plot draws total-time, downtime, rounds,\n"
     "pages-sent, bytes, faults, fault-wait, latency or silence; measured, and as\n"
     "forecast where it can be.\n",
     TAKES_SCENARIO | TAKES_SWEEP | TAKES_JSON | TAKES_PLAIN | TAKES_QUIET, NULL, command_sweep},
    {"forecast", "ferry forecast [SCENARIO.ini] [OPTIONS]",
     "what a move will come to, before it is made",
     "The formulas of all modes, whether they meet the downtime limit, and if not,\n"
     "what would help. Of a guest for whose writes there is no formula the dirty rate\n"
     "is measured first, for as long as its memory takes to be copied once, by the\n"
     "dirty log and by sampled pages.\n",
     TAKES_SCENARIO | TAKES_EVERY_MODE | TAKES_JSON | TAKES_QUIET | TAKES_FORECAST, NULL,
     command_forecast},
    {"tui", "ferry tui [SCENARIO.ini | RECORDING | --control PATH] [OPTIONS] [-- ...]",
     "watch a scenario, a recording or real hosts in the terminal",
     "With --control it shows what goes on behind that gateway's door: the move under\n"
     "way from its beginning, else the last one, and each that follows. The hosts\n"
     "do not wait: what is shown slowly is their past, and l goes to now.\n",
     TAKES_SCENARIO | TAKES_STRATEGY | TAKES_AT | TAKES_RECORDING | TAKES_PLAIN | TAKES_GDB |
         TAKES_CONTROL,
     NULL, command_tui},
    COMMAND_VIZ(command_viz),
    {"export", "ferry export RECORDING [--perfetto FILE] [--csv FILE]",
     "a recording in forms that other programs read",
     "RECORDING is what --record wrote. The trace shows hosts, guest, link, faults and\n"
     "clients on tracks: open it at https://ui.perfetto.dev or chrome://tracing. The\n"
     "table has a row for each event and a column for each kind of value, for\n"
     "spreadsheets and scripts; labs/README.md describes both.\n",
     TAKES_WORD | TAKES_EXPORT | TAKES_QUIET, NULL, command_export},
    {"provenance", "ferry provenance RECORDING PAGE | ADDRESS | --top N",
     "what became of a page: who wrote it, when it was sent, what for",
     "RECORDING is what --record wrote. A page is named by its number or by an address\n"
     "in it (0x80001234). Writes are those that dirty tracking noticed: the first\n"
     "since the page was fetched. Functions are named from the guest's program.\n",
     TAKES_WORD | TAKES_PAGES | TAKES_JSON | TAKES_QUIET, NULL, command_provenance},
    {"grade", "ferry grade [NN --source DIR | NN --hint N] [OPTIONS]",
     "an exercise: lists them, grades one, opens its hints",
     "NN is the exercise's number, DIR the folder with the file that its README asks\n"
     "for. It is compiled for ferry's own machine and decides there, in every case and\n"
     "with every seed; the points are the same on any computer. The exit status is 0\n"
     "for all points, 1 for fewer, 2 where nothing could be graded.\n",
     TAKES_WORD | TAKES_GRADE, NULL, command_grade},
    {"lab", "ferry lab [N] [OPTIONS]", "the guided labs: predict, run, see, explain",
     "Without a number: which labs there are, and how far you are. A lab goes on where\n"
     "it was left. At a terminal it is drawn; elsewhere, and with --plain, it is told\n"
     "in lines.\n"
     "\noptions:\n"
     "  --list                    which labs there are\n"
     "  --lang en|zh_CN           the language; without it the environment's\n"
     "  --restart                 from the beginning again\n"
     "  --plain                   prints lines, draws nothing\n"
     "  --answers FILE            with --plain: answers its questions, by lines of\n"
     "                            key = answer; how far that came is not kept\n"
     "  --lint [FOLDER]           looks through the data of all labs\n",
     0, NULL, command_lab},
    {"guest",
     "ferry guest list | kit | info GUEST | disassemble GUEST | run GUEST ...\n"
     "             | save GUEST FILE ... | resume FILE | info FILE",
     "what can be moved: list, look inside, run, save, resume",
     "GUEST is a name that `ferry guest list` shows, or a file of your own: ./FILE or\n"
     "FILE.elf. disassemble takes an address or the name of a function behind it. run\n"
     "takes --memory SIZE, --harts N, --cpu-rate RATE and --gdb PORT before or behind\n"
     "GUEST; all words behind them are the guest's. Without --memory it has 64MiB, or\n"
     "as much as its image needs. Its console is standard output, its exit status\n"
     "ferry's. With --gdb it waits for a debugger, which may go backwards too; PORT 0\n"
     "is any that is free.\n"
     "\n"
     "save runs GUEST as run does, up to --at TIME (100ms of its life, if nothing is\n"
     "said) or --at-instruction N, and writes it to FILE; its own words stand behind\n"
     "FILE. resume lets it go on from there, in another process, today or next year;\n"
     "info FILE shows what it consists of.\n",
     0, NULL, command_guest},
    {"live", "ferry live [OPTIONS] [-- ARGUMENTS...]",
     "real hosts, a gateway and a guest on this computer, for real clients",
     "Starts `ferry gateway` and two `ferry host`; the guest runs at host A. Clients\n"
     "connect where --listen says, and stay connected wherever the guest is moved. It\n"
     "is all over when this is interrupted, or when the guest has ended by itself. At\n"
     "a terminal it is drawn; elsewhere, and with --plain, it is told in lines, with\n"
     "the commands that move, watch and disturb it.\n",
     TAKES_SCENARIO | TAKES_START | TAKES_CONTROL | TAKES_LIVE | TAKES_PLAIN, NULL, command_live},
    {"migrate", "ferry migrate [--to HOST] [OPTIONS]", "moves a guest between real hosts",
     "Asks the gateway for the move, shows how far it is, and says what it came to, in\n"
     "the words of `ferry run`. Ctrl-C asks to give it up, a second time leaves it\n"
     "alone. The exit status is 0 when the guest has moved, 1 when not, 2 when nothing\n"
     "was begun.\n",
     TAKES_SCENARIO | TAKES_MOVE | TAKES_CONTROL | TAKES_JSON | TAKES_RECORD | TAKES_PLAIN |
         TAKES_QUIET,
     NULL, command_migrate},
    {"status", "ferry status [--control PATH]", "which real hosts there are, and what moves", NULL,
     TAKES_CONTROL | TAKES_JSON, NULL, command_status},
    {"link", "ferry link [--control PATH] [OPTIONS]", "what the link between real hosts carries",
     "Takes effect at once, in a move that goes on as well. Without an option it only\n"
     "says how the link is.\n",
     TAKES_CONTROL | TAKES_LINK, NULL, command_link},
    {"swarm", "ferry swarm [--seeds A..B] [--resume FILE] [OPTIONS]",
     "many small worlds, until one breaks a rule",
     "Each seed draws a small guest, a way to move it and what happens meanwhile; its\n"
     "world is lived to its end, and the oracle looks at every rule. The first seed\n"
     "that breaks one ends the swarm with status 1: its rule, its event, and the\n"
     "command that lives it again. The seeds mean the same however many processes\n"
     "there are.\n",
     TAKES_SWARM | TAKES_JSON | TAKES_QUIET, NULL, command_swarm},
    {"gateway", "ferry gateway --listen ADDR:PORT [--hosts ADDR:PORT] [--control PATH]",
     "the post office of live mode: real clients, hosts, the door",
     "Clients connect here and stay connected while their guest moves; hosts come in\n"
     "with ferry host --gateway ADDR:PORT, and ferry migrate, status and link knock at\n"
     "the door at PATH. Port 0 is any that is free: what they are is the first line\n"
     "that it prints. Behind = stands whose clients come in there: the guest's name,\n"
     "and the port at which it listens; without them the first guest, and its first\n"
     "port. Several addresses stand with commas between them. It runs until it is\n"
     "interrupted.\n",
     TAKES_GATEWAY | TAKES_CONTROL, NULL, command_gateway},
    {"host", "ferry host --name NAME --gateway ADDR:PORT [OPTIONS] [-- ARGUMENTS...]",
     "runs guests in real time, and moves them",
     "A host of live mode: it comes to a gateway (ferry gateway) and is commanded from\n"
     "its door (ferry migrate, status, link). With --guest a guest begins here;\n"
     "without, it waits for those that are moved here. Port 0 is any that is free. A\n"
     "guest without --cpu-rate runs as fast as it can. It runs until it is\n"
     "interrupted, and its guests end with it.\n",
     TAKES_HOST | TAKES_SCENARIO | TAKES_START, NULL, command_host},
    {"help", "ferry help [COMMAND]", "this list, or a command's options", NULL, 0, NULL,
     command_help},
};

enum { COMMAND_COUNT = sizeof commands / sizeof commands[0] };

static const struct command *find_command(const char *name)
{
    for (size_t i = 0; i < COMMAND_COUNT; i++)
        if (strcmp(commands[i].name, name) == 0)
            return &commands[i];
    return NULL;
}

static int refuse_unknown(const char *name)
{
    size_t best = 0;
    for (size_t i = 1; i < COMMAND_COUNT; i++)
        if (nearest_distance(name, commands[i].name) < nearest_distance(name, commands[best].name))
            best = i;
    char text[160];
    if (nearest_is_close(name, commands[best].name))
        snprintf(text, sizeof text,
                 "ferry: unknown command \"%.40s\": the nearest is \"%s\" (ferry help lists all)",
                 name, commands[best].name);
    else
        snprintf(text, sizeof text, "ferry: unknown command \"%.40s\": ferry help lists all", name);
    command_put_escaped(text);
    return EXIT_USAGE;
}

static int command_help(const struct command *command, int word_count, char **words)
{
    (void)command;
    if (word_count > 0) {
        const struct command *asked = find_command(words[0]);
        return asked != NULL ? command_print_help(asked) : refuse_unknown(words[0]);
    }
    printf("ferry moves running programs between two hosts and shows how it is done.\n\n");
    for (size_t i = 0; i < COMMAND_COUNT; i++)
        printf("  ferry %-12s%s\n", commands[i].name, commands[i].summary);
    printf("\n`ferry help COMMAND` shows its options. Begin with `ferry demo`.\n");
    return EXIT_DONE;
}

int main(int argc, char **argv)
{
    const struct command *command;

    command_begin();
    if (argc < 2) {
        fprintf(stderr, "ferry: no command: write `ferry demo`, or `ferry help` for the list\n");
        return EXIT_USAGE;
    }
    if (strcmp(argv[1], "--version") == 0) {
        printf("ferry " FERRY_VERSION "\n");
        return command_finish(EXIT_DONE);
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)
        return command_finish(command_help(NULL, 0, NULL));
    command = find_command(argv[1]);
    if (command == NULL)
        return refuse_unknown(argv[1]);
    return command_finish(command->run(command, argc - 2, argv + 2));
}
