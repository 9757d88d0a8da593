/* game: a server on port 7777 whose world goes on every 20 ms, as that of the Quake server does
 * that Clark and others moved while people played (NSDI 2005, section 6.3). Players run about on a
 * torus and pick up coins; bots do so even where nobody plays.
 *
 *      client                           server
 *      move DX DY SEQUENCE              welcome PLAYER WIDTH HEIGHT
 *                                       tick N ack SEQUENCE coins C: 0 x,y,score 3 x,y,score ...
 *
 * DX and DY are -1, 0 or 1, and hold until the next move. Each tick everybody is sent the world as
 * it is now, with the number of the last move that was obeyed; who has not read the one before gets
 * none, for only the newest is of use. So nobody's slowness holds up the others.
 *
 * A tick is due every 20 ms of the guest's time; the server measures by how much its own come late.
 * (While it stands still or is throttled no guest time passes: only the players feel that.)
 *
 * It checks itself each tick: the players' table must be as the last tick left it, each player
 * stands on the cell that says so, and some rows of the field are counted; now and then all rows
 * are, and coins must be neither made nor lost: on the field, with players and in the bank there
 * are always as many. */
#include "serve.h"

#include "base/prng.h"

#define PORT         7777
#define TICK_NS      20000000ul
#define LATE_NS      1000000ul /* a tick that begins so long after its time is called late */
#define WIDTH        512
#define HEIGHT       512
#define COINS        4096
#define BOTS         64
#define PLAYERS      (SERVE_CLIENTS + BOTS) /* a client's number, and behind them the bots */
#define PAY_TICKS    50 /* everybody gives back a coin now and then, or the field would be empty */
#define ROWS_A_TICK  8
#define TICKS_TOLD   250
#define ANSWER_MAX   64
#define SNAPSHOT_MAX 4096
#define SILENCE_NS   (30 * 1000000000ull)

enum cell { EMPTY, COIN, FIRST_PLAYER }; /* from there on: a player's number */

struct player {
    uint16_t is_here, x, y;
    int8_t dx, dy;
    uint32_t score;
    uint32_t sequence; /* of its last move */
};

static struct {
    uint16_t cells[HEIGHT][WIDTH];
    uint16_t row_coins[HEIGHT];
} field;

static struct player players[PLAYERS];
static uint64_t players_seal;
static uint64_t bank; /* coins that wait for a place */
static uint64_t tick, worst_late_ns, late_count;
static struct prng prng;

_Noreturn static void fail(const char *what, uint64_t number)
{
    print("game: tick %lu: %s %lu\n", tick, what, number);
    exit(1);
}

/* ---- The world ---- */

static void place_coin(void)
{
    uint32_t x = (uint32_t)prng_below(&prng, WIDTH), y = (uint32_t)prng_below(&prng, HEIGHT);

    if (bank == 0 || field.cells[y][x] != EMPTY)
        return;
    field.cells[y][x] = COIN;
    field.row_coins[y]++;
    bank--;
}

static void pick_up(struct player *player)
{
    if (field.cells[player->y][player->x] != COIN)
        return;
    field.row_coins[player->y]--;
    player->score++;
}

static void enter(uint32_t player_idx)
{
    struct player *player = &players[player_idx];
    uint32_t x, y;

    do {
        x = (uint32_t)prng_below(&prng, WIDTH);
        y = (uint32_t)prng_below(&prng, HEIGHT);
    } while (field.cells[y][x] >= FIRST_PLAYER);
    *player = (struct player){.is_here = 1, .x = (uint16_t)x, .y = (uint16_t)y};
    pick_up(player);
    field.cells[y][x] = (uint16_t)(FIRST_PLAYER + player_idx);
}

static void leave(uint32_t player_idx)
{
    struct player *player = &players[player_idx];

    field.cells[player->y][player->x] = EMPTY;
    bank += player->score;
    *player = (struct player){.is_here = 0};
}

static void step(uint32_t player_idx)
{
    struct player *player = &players[player_idx];
    uint32_t x = (uint32_t)(player->x + WIDTH + player->dx) % WIDTH;
    uint32_t y = (uint32_t)(player->y + HEIGHT + player->dy) % HEIGHT;

    if (field.cells[y][x] >= FIRST_PLAYER)
        return; /* somebody stands there, perhaps it is this one itself */
    field.cells[player->y][player->x] = EMPTY;
    player->x = (uint16_t)x;
    player->y = (uint16_t)y;
    pick_up(player);
    field.cells[y][x] = (uint16_t)(FIRST_PLAYER + player_idx);
}

static void steer_bot(struct player *bot)
{
    if (prng_below(&prng, 16) > 0)
        return;
    bot->dx = (int8_t)((int)prng_below(&prng, 3) - 1);
    bot->dy = (int8_t)((int)prng_below(&prng, 3) - 1);
}

static void advance(void)
{
    for (uint32_t i = 0; i < PLAYERS; i++) {
        if (!players[i].is_here)
            continue;
        if (i >= SERVE_CLIENTS)
            steer_bot(&players[i]);
        step(i);
        if (tick % PAY_TICKS == 0 && players[i].score > 0) {
            players[i].score--;
            bank++;
        }
    }
    for (uint32_t i = 0; i < PLAYERS; i++)
        place_coin();
}

/* ---- The checks ---- */

static void check_row(uint32_t y)
{
    uint32_t coins = 0;

    for (uint32_t x = 0; x < WIDTH; x++) {
        uint32_t cell = field.cells[y][x];
        coins += cell == COIN;
        if (cell < FIRST_PLAYER)
            continue;
        if (cell >= FIRST_PLAYER + PLAYERS || !players[cell - FIRST_PLAYER].is_here ||
            players[cell - FIRST_PLAYER].x != x || players[cell - FIRST_PLAYER].y != y)
            fail("a cell names a player who stands elsewhere, in row", y);
    }
    if (coins != field.row_coins[y])
        fail("the coins do not add up in row", y);
}

static void check_before_tick(void)
{
    if (checksum(players, sizeof players, 0) != players_seal)
        fail("somebody changed the players since tick", tick - 1);
    for (uint32_t i = 0; i < PLAYERS; i++)
        if (players[i].is_here && field.cells[players[i].y][players[i].x] != FIRST_PLAYER + i)
            fail("nobody stands on the cell of player", i);
    for (uint32_t i = 0; i < ROWS_A_TICK; i++)
        check_row((uint32_t)(tick * ROWS_A_TICK + i) % HEIGHT);
}

static void check_coins(void)
{
    uint64_t coins = bank;

    for (uint32_t y = 0; y < HEIGHT; y++)
        coins += field.row_coins[y];
    for (uint32_t i = 0; i < PLAYERS; i++)
        coins += players[i].score;
    if (coins != COINS)
        fail("there should be 4096 coins, not", coins);
}

/* The players changed lawfully: by a tick, or because somebody came, moved or went. */
static void seal_players(void)
{
    players_seal = checksum(players, sizeof players, 0);
}

/* ---- What the players see ---- */

static void send_snapshots(void)
{
    static char seen[SNAPSHOT_MAX];
    char head[96];
    size_t count = 0;

    for (uint32_t i = 0; i < SERVE_CLIENTS; i++)
        if (players[i].is_here)
            count += format_text(seen + count, sizeof seen - count, " %u %u,%u,%u", i, players[i].x,
                                 players[i].y, players[i].score);
    count += format_text(seen + count, sizeof seen - count, "\n");
    for (uint32_t i = 0; i < SERVE_CLIENTS; i++) {
        if (!clients[i].is_open || clients[i].is_closing || clients[i].out_count > 0)
            continue;
        say(&clients[i], head,
            (uint32_t)format_text(head, sizeof head, "tick %lu ack %u coins %u:", tick,
                                  players[i].sequence, players[i].score));
        say(&clients[i], seen, (uint32_t)count);
    }
}

static void play_tick(uint64_t due_ns)
{
    uint64_t late_ns = time_ns() - due_ns;

    tick++;
    if (late_ns > worst_late_ns)
        worst_late_ns = late_ns;
    late_count += late_ns > LATE_NS;
    check_before_tick();
    advance();
    seal_players();
    send_snapshots();
    if (tick % TICKS_TOLD != 0)
        return;
    check_coins();
    print("game: tick %lu, %u players and %u bots, %lu late, worst %lu us, world checked, ok\n",
          tick, client_count(), BOTS, late_count, worst_late_ns / 1000);
}

/* ---- What the players say ---- */

static void opened(struct client *client)
{
    char text[ANSWER_MAX];

    enter(number_of_client(client));
    seal_players();
    say(client, text,
        (uint32_t)format_text(text, sizeof text, "welcome %u %u %u\n", number_of_client(client),
                              WIDTH, HEIGHT));
}

static void left(struct client *client)
{
    leave(number_of_client(client));
    seal_players();
}

/* A number from the front of a line; false when none stands there. */
static bool read_number(const uint8_t **at, const uint8_t *end, int64_t *number)
{
    while (*at < end && **at == ' ')
        ++*at;
    bool is_negative = *at < end && **at == '-';
    const uint8_t *first = *at += is_negative;

    *number = 0;
    for (; *at < end && **at >= '0' && **at <= '9' && *at - first < 10; ++*at)
        *number = *number * 10 + (**at - '0');
    if (is_negative)
        *number = -*number;
    return *at > first && (*at == end || **at == ' ');
}

static bool obey(struct client *client, const uint8_t *line, const uint8_t *end)
{
    struct player *player = &players[number_of_client(client)];
    const uint8_t *at = line + 5;
    int64_t dx, dy, sequence;

    if (end - line < 5 || memcmp(line, "move ", 5) != 0 || !read_number(&at, end, &dx) ||
        !read_number(&at, end, &dy) || !read_number(&at, end, &sequence) || at != end || dx < -1 ||
        dx > 1 || dy < -1 || dy > 1 || sequence < 0 || sequence > UINT32_MAX)
        return false;
    player->dx = (int8_t)dx;
    player->dy = (int8_t)dy;
    player->sequence = (uint32_t)sequence;
    seal_players();
    return true;
}

static uint32_t take(struct client *client, const uint8_t *bytes, uint32_t count)
{
    uint32_t line_end = 0;

    while (line_end < count && bytes[line_end] != '\n')
        line_end++;
    if (line_end == count && count <= ANSWER_MAX)
        return 0;
    uint32_t length = line_end > 0 && bytes[line_end - 1] == '\r' ? line_end - 1 : line_end;
    if (line_end < count && obey(client, bytes, bytes + length))
        return line_end + 1;
    say(client, "what? write move DX DY SEQUENCE\n", 32);
    client->is_closing = true; /* this is no player */
    return line_end;
}

int main(int argc, char **argv)
{
    static const struct service service = {PORT, ANSWER_MAX, SILENCE_NS, opened, take, left};
    uint64_t last = UINT64_MAX, seed = 1;
    const struct option options[] = {
        {"--ticks", OPTION_NUMBER, &last, NULL},
        {"--seed", OPTION_NUMBER, &seed, NULL},
    };

    read_options(argc, argv, options, sizeof options / sizeof options[0]);
    prng = prng_make(seed, 0);
    for (bank = COINS; bank > 0;)
        place_coin();
    for (uint32_t i = SERVE_CLIENTS; i < PLAYERS; i++)
        enter(i);
    seal_players();
    mailbox_listen(PORT);
    print("game: listening on port %u, a tick every %lu ms\n", PORT, TICK_NS / 1000000);
    for (uint64_t due_ns = time_ns() + TICK_NS; tick < last;) {
        bool was_any = serve(&service); /* also when ticks are late: nobody is forgotten */
        if (time_ns() >= due_ns) {
            play_tick(due_ns);
            due_ns += TICK_NS;
            serve_send(&service);
        } else if (!was_any) {
            serve_wait(&service, due_ns);
        }
    }
    for (uint32_t y = 0; y < HEIGHT; y++)
        check_row(y);
    check_coins();
    print("game: %lu tick%s, %lu late, worst %lu us, world checked, ok\n", tick, plural(tick),
          late_count, worst_late_ns / 1000);
    return 0;
}
