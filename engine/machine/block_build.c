#include "machine/cell.h"

#include <limits.h>
#include <string.h>

#include "base/status.h"
#include "machine/hart.h"
#include "machine/memory.h"

/* A block that is being made. */
struct build {
    struct blocks *blocks;
    struct memory *memory;
    struct block *block;
    struct place *places; /* beside its cells */
    uint64_t pc;          /* of the next instruction */
    uint8_t count;        /* instructions so far */
    uint8_t page_count;
};

/* ---- Fetching ---- */

/* A block is made of two pages at most, so that it can be found from each. */
static bool may_use(struct build *build, uint64_t address)
{
    struct block *block = build->block;
    if (memory_check_load(build->memory, address, 2).result != MEMORY_OK)
        return false;
    uint32_t page_idx = (uint32_t)memory_page_idx(address);
    for (unsigned i = 0; i < build->page_count; i++)
        if (block->page_idx[i] == page_idx)
            return true;
    if (build->page_count == 2)
        return false;
    blocks_mark(build->blocks, page_idx, 0, 0);
    memory_watch_code(build->memory, page_idx);
    block->page_idx[build->page_count++] = page_idx;
    if (build->page_count == 1)
        block->page_idx[1] = page_idx;
    return true;
}

static void mark(struct build *build, uint64_t address)
{
    blocks_mark(build->blocks, memory_page_idx(address), address % PAGE_BYTES / 2, 1);
}

/* False: it is not there, or in a third page. What is illegal has the code INSTRUCTION_NONE. */
static bool fetch(struct build *build, struct instruction *instruction)
{
    uint16_t low = 0, high = 0;
    if (!may_use(build, build->pc))
        return false;
    memcpy(&low, memory_at(build->memory, build->pc), sizeof low);
    if (!instruction_is_compressed(low)) {
        if (!may_use(build, build->pc + 2))
            return false;
        memcpy(&high, memory_at(build->memory, build->pc + 2), sizeof high);
        mark(build, build->pc + 2);
    }
    mark(build, build->pc);
    if (holds_has_stop(&build->memory->holds, build->pc) || /* a debugger's: never passed here */
        !instruction_decode(low | (uint32_t)high << 16, instruction))
        *instruction = (struct instruction){.code = INSTRUCTION_NONE};
    return true;
}

/* ---- Cells ---- */

static struct cell *put(struct build *build, enum cell_code code)
{
    uint32_t i = build->block->cell_count++;
    MUST(i < BLOCK_ROOM);
    build->places[i] =
        (struct place){.pc = build->pc, .code = (uint16_t)code, .count = build->count};
    build->block->cells[i] = (struct cell){.handler = build->blocks->handlers[code]};
    return &build->block->cells[i];
}

static void put_constant(struct build *build, enum cell_code code, uint8_t rd, uint64_t value)
{
    struct cell *cell = put(build, code);
    cell->wide = (int64_t)(value << (64 - CELL_WIDE_BITS)) | rd;
}

/* An instruction that needs no cell. Only the first one has one all the same: so a slice can end
 * before it, wherever else it has to. */
static void put_idle(struct build *build)
{
    if (build->block->cell_count == 0)
        put_constant(build, CELL_CONSTANT, HART_SINK, 0);
}

/* A way out, to be linked when it is first gone. */
static void put_exit(struct build *build, struct cell *cell, uint64_t target)
{
    struct block *unlinked = (struct block *)build->blocks->cells;
    cell->rd = build->count; /* with the branch or jump itself */
    cell->imm = (int32_t)((char *)unlinked->cells - (char *)cell);
    blocks_place(build->blocks, cell)->target = target;
}

static void end_at(struct build *build, uint64_t pc)
{
    build->pc = pc;
    put_exit(build, put(build, CELL_EXIT), pc);
}

static void put_operands(struct cell *cell, const struct instruction *instruction)
{
    cell->rd = instruction->rd;
    cell->rs1 = instruction->rs1;
    cell->rs2 = instruction->rs2;
    cell->imm = (int32_t)instruction->imm;
}

/* ---- One instruction ---- */

static bool has_place(const struct build *build, uint64_t pc)
{
    for (uint32_t i = 0; i < build->block->cell_count; i++)
        if (build->places[i].pc == pc)
            return true;
    return false;
}

/* Goes on at a known target, or ends the block where that would lead in a circle. */
static bool follow(struct build *build, uint64_t target)
{
    build->count++;
    if (target == build->block->pc || has_place(build, target)) {
        end_at(build, target);
        return false;
    }
    build->pc = target;
    return true;
}

static bool put_jal(struct build *build, const struct instruction *instruction, uint64_t next)
{
    if (instruction->rd != 0)
        put_constant(build, CELL_CONSTANT, instruction->rd, next);
    put_idle(build);
    return follow(build, build->pc + (uint64_t)instruction->imm);
}

static bool put_jalr(struct build *build, const struct instruction *instruction, uint64_t next)
{
    struct cell *cell = put(build, instruction->rd == 0 ? CELL_JUMP : CELL_CALL);
    put_operands(cell, instruction);
    if (instruction->rd != 0)
        put_constant(build, CELL_LINK, instruction->rd, next);
    build->count++;
    cell->rd = build->count;
    return false;
}

static bool is_branch(enum instruction_code code)
{
    return instruction_describe(code)->format == FORMAT_B;
}

/* Results into x0: where they are all that there is, nothing is to be done. */
static bool is_idle(const struct instruction *instruction)
{
    if (instruction->code == INSTRUCTION_FENCE || instruction->code == INSTRUCTION_FENCE_I)
        return true;
    switch (instruction_describe(instruction->code)->format) {
    case FORMAT_R:
    case FORMAT_I:
    case FORMAT_U:
    case FORMAT_SHIFT:
    case FORMAT_SHIFTW:
        return instruction->rd == 0;
    default:
        return false;
    }
}

/* The short form of a branch against x0. */
static enum cell_code short_branch(const struct instruction *instruction)
{
    bool is_first = instruction->rs1 == 0, is_second = instruction->rs2 == 0;
    switch (instruction->code) {
    case INSTRUCTION_BEQ:
        return is_second ? CELL_BEQZ : CELL_BEQ;
    case INSTRUCTION_BNE:
        return is_second ? CELL_BNEZ : CELL_BNE;
    case INSTRUCTION_BLT:
        return is_second ? CELL_BLTZ : is_first ? CELL_BGTZ : CELL_BLT;
    case INSTRUCTION_BGE:
        return is_second ? CELL_BGEZ : is_first ? CELL_BLEZ : CELL_BGE;
    default:
        return (enum cell_code)instruction->code;
    }
}

static void put_plain(struct build *build, const struct instruction *instruction)
{
    struct instruction one = *instruction;
    enum cell_code code = (enum cell_code)one.code;
    if (code == CELL_ADDI && one.rs1 == 0) {
        put_constant(build, CELL_CONSTANT, one.rd, (uint64_t)one.imm);
        return;
    }
    if (code == CELL_ADD && one.rs1 == 0) { /* c.mv */
        code = CELL_MV;
        one.rs1 = one.rs2;
    } else if (code == CELL_ADDI && one.imm == 0) {
        code = CELL_MV;
    } else if (code == CELL_ADDIW && one.imm == 0) {
        code = CELL_SEXT_W;
    }
    if (one.rd == 0 || instruction_describe(one.code)->format == FORMAT_S)
        one.rd = HART_SINK;
    put_operands(put(build, code), &one);
}

/* False: the block ends with it. */
static bool put_instruction(struct build *build, const struct instruction *instruction)
{
    uint64_t next = build->pc + 2u * instruction->halves;
    struct cell *cell;
    switch (instruction->code) {
    case INSTRUCTION_JAL:
        return put_jal(build, instruction, next);
    case INSTRUCTION_JALR:
        return put_jalr(build, instruction, next);
#define INSTRUCTION(code, mnemonic, format, match, mask, semantics)
#define SYSTEM(code, mnemonic, format, match, mask, semantics) case INSTRUCTION_##code:
#include "machine/instruction.def"
#undef INSTRUCTION
#undef SYSTEM
    case INSTRUCTION_NONE:
        put(build, CELL_HAND_BACK);
        return false;
    default:
        break;
    }
    if (is_branch(instruction->code)) {
        cell = put(build, short_branch(instruction));
        put_operands(cell, instruction);
        build->count++;
        put_exit(build, cell, build->pc + (uint64_t)instruction->imm);
    } else {
        if (instruction->code == INSTRUCTION_LUI && instruction->rd != 0)
            put_constant(build, CELL_CONSTANT, instruction->rd, (uint64_t)instruction->imm);
        else if (instruction->code == INSTRUCTION_AUIPC && instruction->rd != 0)
            put_constant(build, CELL_CONSTANT, instruction->rd,
                         build->pc + (uint64_t)instruction->imm);
        else if (is_idle(instruction))
            put_idle(build);
        else
            put_plain(build, instruction);
        build->count++;
    }
    build->pc = next;
    return true;
}

/* ---- Fusing ---- */

enum from { FROM_NONE, FROM_RS1, FROM_RS2, FROM_SAME, FROM_COUNT };

static enum cell_code pair(enum cell_code first, enum cell_code second, enum from from)
{
    static const uint16_t table[CELL_SINGLE_CODES][CELL_SINGLE_CODES][FROM_COUNT] = {
#define SHORT(name, semantics)
#define FUSED(first, second, from) \
    [CELL_##first][CELL_##second][FROM_##from] = CELL_##first##_##second##_##from,
#define FUSED3(first, second, from, third, from_second)
#include "machine/fused.def"
#undef FUSED
#undef FUSED3
    };
    return (enum cell_code)table[first][second][from];
}

/* Of three, the first two are a pair of the table as well. */
static enum cell_code triple(enum cell_code two, enum cell_code third, enum from from)
{
    static const uint16_t table[CELL_PAIRS_END - CELL_SINGLE_CODES][CELL_SINGLE_CODES][FROM_COUNT] =
        {
#define FUSED(first, second, from)
#define FUSED3(first, second, from, third, from_second)                                        \
    [CELL_##first##_##second##_##from - CELL_SINGLE_CODES][CELL_##third][FROM_##from_second] = \
        CELL_##first##_##second##_##from##_##third##_##from_second,
#include "machine/fused.def"
#undef SHORT
#undef FUSED
#undef FUSED3
        };
    if (two < CELL_SINGLE_CODES)
        return CELL_HAND_BACK;
    return (enum cell_code)table[two - CELL_SINGLE_CODES][third][from];
}

/* The sequence that goes on with cell i, by the best row that there is for it; *kept counts the
 * operands that do not go through memory. */
static enum cell_code longer(const struct build *build, enum cell_code so_far, uint32_t i,
                             enum cell_code (*row)(enum cell_code, enum cell_code, enum from),
                             unsigned *kept)
{
    const struct cell *cell = &build->block->cells[i], *before = cell - 1;
    if (i >= build->block->cell_count)
        return CELL_HAND_BACK;
    const bool holds[FROM_COUNT] = {
        [FROM_RS1] = cell->rs1 == before->rd,
        [FROM_RS2] = cell->rs2 == before->rd,
        [FROM_SAME] = cell->rs1 == before->rs1 && before->rs1 != before->rd,
    };
    enum cell_code next = (enum cell_code)build->places[i].code;
    for (enum from from = FROM_RS1; from < FROM_COUNT; from++) {
        enum cell_code code = holds[from] ? row(so_far, next, from) : CELL_HAND_BACK;
        if (code != CELL_HAND_BACK) {
            ++*kept;
            return code;
        }
    }
    return row(so_far, next, FROM_NONE);
}

#define COST_OF_CELL 4 /* as many operands through memory take as long as a cell more, or so */

/* Chooses the sequences so that the rest of the block costs least, from the end backwards. */
static void fuse(struct build *build)
{
    int cost[BLOCK_ROOM + 3] = {0}; /* from here on */
    uint8_t width[BLOCK_ROOM];
    enum cell_code code[BLOCK_ROOM];
    for (uint32_t i = build->block->cell_count; i-- > 0;) {
        unsigned kept[4] = {0};
        enum cell_code sequence[4];
        sequence[1] = (enum cell_code)build->places[i].code;
        sequence[2] = longer(build, sequence[1], i + 1, pair, &kept[2]);
        kept[3] = kept[2];
        sequence[3] = longer(build, sequence[2], i + 2, triple, &kept[3]);
        cost[i] = INT_MAX;
        for (uint8_t w = 1; w <= 3; w++) {
            int with = COST_OF_CELL + cost[i + w] - (int)kept[w];
            if (w > 1 && sequence[w] == CELL_HAND_BACK)
                continue;
            if (with < cost[i]) {
                cost[i] = with;
                width[i] = w;
                code[i] = sequence[w];
            }
        }
    }
    for (uint32_t i = 0; i < build->block->cell_count; i += width[i])
        build->block->cells[i].handler = build->blocks->handlers[code[i]];
}

bool block_build(struct blocks *blocks, struct memory *memory, uint64_t pc, struct block *block)
{
    struct instruction instruction;
    struct build build = {
        .blocks = blocks,
        .memory = memory,
        .block = block,
        .places = blocks_place(blocks, block->cells),
        .pc = pc,
    };

    *block = (struct block){.pc = pc};
    for (;;) {
        if (build.count == BLOCK_INSTRUCTIONS || !fetch(&build, &instruction)) {
            if (block->cell_count == 0 && build.count == 0)
                return false;
            end_at(&build, build.pc);
            break;
        }
        if (!put_instruction(&build, &instruction))
            break;
    }
    block->need = build.count;
    fuse(&build);
    return true;
}
