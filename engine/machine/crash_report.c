#include "machine/crash_report.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/units.h"
#include "machine/board.h"
#include "machine/debug.h"
#include "machine/disassemble.h"
#include "machine/instruction.h"

#define RA               1
#define SP               2

#define CALLERS_MAX      8 /* more tell no more */
#define MRET             0x30200073u
#define STACK_WORDS      512           /* how far they are looked for: 4 KiB */
#define STACK_MARGIN     256           /* with less left below, a stack is as good as used up */
#define STACK_OVERSHOOT  (16ull << 20) /* as far as one large array leads below memory */
#define PLACE_COLUMNS    56
#define REGISTERS_IN_ROW 3

static void put(struct bytes *to, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void put(struct bytes *to, const char *format, ...)
{
    char text[256];
    va_list arguments;
    va_start(arguments, format);
    int count = vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    MUST(count >= 0);
    bytes_put(to, text, strlen(text));
}

static void put_place(struct bytes *to, const char *what, uint64_t address,
                      const struct lines *lines)
{
    char place[256];
    lines_write_place(lines, address, place, sizeof place);
    put(to, "  %-6s0x%08llx  %.*s\n", what, (unsigned long long)address, PLACE_COLUMNS, place);
}

/* Registers that are there on other machines, by number (Volume II, chapter 2.2). */
static const char *name_of_foreign_csr(uint32_t number)
{
    static const struct {
        uint32_t number;
        const char *name;
    } names[] = {
        {0x001, "fflags"},   {0x002, "frm"},        {0x003, "fcsr"},     {0x300, "mstatus"},
        {0x301, "misa"},     {0x302, "medeleg"},    {0x303, "mideleg"},  {0x304, "mie"},
        {0x305, "mtvec"},    {0x306, "mcounteren"}, {0x340, "mscratch"}, {0x341, "mepc"},
        {0x342, "mcause"},   {0x343, "mtval"},      {0x344, "mip"},      {0x3a0, "pmpcfg0"},
        {0x3b0, "pmpaddr0"}, {0xb00, "mcycle"},     {0xb02, "minstret"}, {0xf11, "mvendorid"},
        {0xf12, "marchid"},  {0xf13, "mimpid"},     {0xf14, "mhartid"},
    };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (names[i].number == number)
            return names[i].name;
    return "a register";
}

/* What often stands in programs that were made for another machine. */
static void put_why_illegal(struct bytes *to, uint32_t bits)
{
    uint32_t opcode = bits & 0x7f, number = bits >> 20;
    bool is_csr = opcode == 0x73 && (bits >> 12 & 3) != 0;

    if (bits == MRET || (is_csr && (number >> 8 & 3) == 3))
        put(to, "        %s is for machine mode: guests run in supervisor mode\n",
            bits == MRET ? "mret" : name_of_foreign_csr(number));
    else if (opcode == 0x07 || opcode == 0x27 || opcode == 0x53 || (is_csr && number < 4))
        put(to, "        that is floating point: there is none here (rv64imac)\n");
}

static void put_instruction(struct bytes *to, const struct guest *guest, uint64_t pc)
{
    char text[DISASSEMBLE_TEXT_BYTES];
    uint32_t bits = 0;
    if (debug_read(guest, pc, &bits, sizeof bits) < 2)
        return;
    disassemble(bits, pc, text, sizeof text);
    put(to, "        %s\n", text);
    if (machine_of_const(guest)->exit_status == FAULT_ILLEGAL)
        put_why_illegal(to, bits);
}

/* A guest's stack lies at the beginning of RAM (guests/guest.ld): what overflows it leaves memory.
 */
static bool is_stack_used_up(const struct hart *hart)
{
    uint64_t sp = hart->x[SP];
    return sp >= RAM_BASE - STACK_OVERSHOOT && sp < RAM_BASE + STACK_MARGIN;
}

/* ---- The callers ---- */

static bool read_instruction(const struct guest *guest, uint64_t address, struct instruction *op)
{
    uint32_t bits = 0;
    return debug_read(guest, address, &bits, sizeof bits) >= 2 && instruction_decode(bits, op);
}

/* Is it the address behind a call, and of what? `target` is 0 where the call goes to what a
 * register held. */
static bool is_behind_call(const struct guest *guest, uint64_t address, uint64_t *target)
{
    struct instruction call, upper;
    *target = 0;
    if (address % 2 != 0)
        return false;
    if (read_instruction(guest, address - 2, &call) && call.halves == 1 &&
        call.code == INSTRUCTION_JALR && call.rd == RA)
        return true;
    if (!read_instruction(guest, address - 4, &call) || call.halves != 2 || call.rd != RA)
        return false;
    if (call.code == INSTRUCTION_JAL)
        *target = address - 4 + (uint64_t)call.imm;
    else if (call.code == INSTRUCTION_JALR && read_instruction(guest, address - 8, &upper) &&
             upper.halves == 2 && upper.code == INSTRUCTION_AUIPC && upper.rd == call.rs1)
        *target = address - 8 + (uint64_t)upper.imm + (uint64_t)call.imm;
    return call.code == INSTRUCTION_JAL || call.code == INSTRUCTION_JALR;
}

/* Did a call behind which `address` lies lead to the function that begins at `callee`? */
static bool is_caller(const struct guest *guest, const struct lines *lines, uint64_t address,
                      uint64_t callee, struct lines_place *place)
{
    uint64_t target;
    if (!lines_find(lines, address, place) || place->function == NULL ||
        !is_behind_call(guest, address, &target))
        return false;
    return target == 0 || target == callee;
}

static void put_callers(struct bytes *to, const struct guest *guest, const struct hart *hart,
                        const struct lines *lines)
{
    struct lines_place place;
    uint64_t words[STACK_WORDS];
    /* What is used up has its last callers where it ended. */
    uint64_t sp = hart->x[SP] < RAM_BASE && is_stack_used_up(hart) ? RAM_BASE : hart->x[SP];
    uint64_t count = debug_read(guest, sp, words, sizeof words) / sizeof *words;
    uint64_t callee = 0;
    unsigned found = 0;

    /* After a jump to nowhere, ra says which call that was. */
    bool is_known = lines_find(lines, hart->pc, &place) && place.function != NULL;
    if (is_known)
        callee = place.begin;
    for (uint64_t i = 0; i <= count && found < CALLERS_MAX; i++) {
        uint64_t address = i == 0 ? hart->x[RA] : words[i - 1];
        uint64_t target;
        bool is_ours = is_known ? is_caller(guest, lines, address, callee, &place)
                                : i == 0 && is_behind_call(guest, address, &target) &&
                                      lines_find(lines, address, &place) && place.function != NULL;
        if (!is_ours)
            continue;
        put_place(to, found++ == 0 ? "from" : "", address, lines);
        callee = place.begin;
        is_known = true;
    }
    if (found > 0)
        put(to, "        (callers as the stack suggests them; it may mislead)\n");
}

/* ---- The rest ---- */

static void put_registers(struct bytes *to, const struct hart *hart)
{
    for (unsigned row = 0; row * REGISTERS_IN_ROW < HART_REGISTERS - 1; row++) {
        put(to, " ");
        /* Column by column, as one reads a0, a1, a2 ... downwards. */
        for (unsigned column = 0; column < REGISTERS_IN_ROW; column++) {
            unsigned rows = (HART_REGISTERS - 1 + REGISTERS_IN_ROW - 1) / REGISTERS_IN_ROW;
            unsigned number = 1 + column * rows + row;
            if (number < HART_REGISTERS)
                put(to, " %-4s%016llx  ", disassemble_register(number),
                    (unsigned long long)hart->x[number]);
        }
        to->count -= 2;
        put(to, "\n");
    }
}

/* Why a trap of its own could not be taken, and the one taken last: it may have begun there. */
static void put_trap(struct bytes *to, const struct hart *hart, const struct lines *lines)
{
    if (hart->stvec == 0) {
        put(to, "  it has set no trap handler (stvec is 0), so a trap ends it\n");
        return;
    }
    put_place(to, "stvec", hart->stvec & ~3ull, lines);
    put(to, "  the last trap taken: scause 0x%llx, stval 0x%llx\n",
        (unsigned long long)hart->scause, (unsigned long long)hart->stval);
    put_place(to, "sepc", hart->sepc, lines);
}

void crash_report_write(const struct guest *guest, const struct lines *lines, struct bytes *to)
{
    const struct machine *machine = machine_of_const(guest);
    const struct hart *hart = &machine->harts[machine->fault_hart_idx];
    char cause[80], instructions[32], time[32];

    if (!machine->is_fault)
        return;
    machine_describe_cause(guest, cause, sizeof cause);
    put(to, "%s\n", cause);
    put_place(to, "at", hart->pc, lines);
    put_instruction(to, guest, hart->pc);
    put_callers(to, guest, hart, lines);
    if (is_stack_used_up(hart))
        put(to, "  sp is 0x%llx, where RAM begins: the stack is probably used up\n",
            (unsigned long long)hart->x[SP]);
    units_for_people(UNIT_COUNT, guest->ops->instructions(guest), instructions,
                     sizeof instructions);
    units_for_people(UNIT_TIME, guest->ops->now_ns(guest), time, sizeof time);
    put(to, "  hart %u in %s mode, after %s instructions and %s of guest time\n",
        machine->fault_hart_idx, hart->is_user ? "user" : "supervisor", instructions, time);
    put_trap(to, hart, lines);
    put(to, "\n");
    put_registers(to, hart);
}
