#include "machine/gdb_registers.h"

#include <stdio.h>

#include "machine/board.h"
#include "machine/csr.h"
#include "machine/disassemble.h"
#include "machine/gdb_private.h"

#define REGISTER_CSR  65u
#define REGISTER_PRIV (REGISTER_CSR + 4096u)

/* GDB may see what the hart's mode does not let an instruction see. */
static struct hart as_supervisor(const struct hart *hart)
{
    struct hart supervisor = *hart;
    supervisor.is_user = false;
    return supervisor;
}

static bool read_csr(const struct machine *machine, const struct hart *hart, uint32_t number,
                     uint64_t *value)
{
    struct hart supervisor = as_supervisor(hart);
    return csr_read(&supervisor, &machine->clock, number, value);
}

static bool write_csr(struct hart *hart, uint32_t number, uint64_t value)
{
    struct hart supervisor = as_supervisor(hart);
    bool is_user = hart->is_user;
    if (!csr_write(&supervisor, number, value))
        return false;
    *hart = supervisor;
    hart->is_user = is_user;
    return true;
}

bool gdb_register_read(const struct guest *guest, uint32_t hart_idx, uint32_t number,
                       uint64_t *value)
{
    const struct machine *machine = machine_of_const(guest);
    MUST(hart_idx < machine->hart_count);
    const struct hart *hart = &machine->harts[hart_idx];
    if (number < HART_REGISTERS)
        *value = number == 0 ? 0 : hart->x[number];
    else if (number == GDB_REGISTER_PC)
        *value = hart->pc;
    else if (number == REGISTER_PRIV)
        *value = hart->is_user ? 0 : 1;
    else
        return number >= REGISTER_CSR && read_csr(machine, hart, number - REGISTER_CSR, value);
    return true;
}

/* pc stays even: there is nothing between two halfwords. */
bool gdb_register_write(struct guest *guest, uint32_t hart_idx, uint32_t number, uint64_t value)
{
    struct machine *machine = machine_of(guest);
    MUST(hart_idx < machine->hart_count);
    struct hart *hart = &machine->harts[hart_idx];
    if (number == 0)
        return value == 0;
    if (number < HART_REGISTERS)
        hart->x[number] = value;
    else if (number == GDB_REGISTER_PC && value % 2 == 0)
        hart->pc = value;
    else if (number == REGISTER_PRIV && value <= 1)
        hart->is_user = value == 0;
    else
        return number >= REGISTER_CSR && write_csr(hart, number - REGISTER_CSR, value);
    return true;
}

static void put_register(struct bytes *to, const char *name, uint32_t number, const char *type)
{
    char text[128];
    snprintf(text, sizeof text, "<reg name=\"%s\" bitsize=\"64\" regnum=\"%u\" type=\"%s\"/>\n",
             name, number, type);
    gdb_put_text(to, text);
}

void gdb_registers_describe(struct bytes *to)
{
    gdb_put_text(to, "<?xml version=\"1.0\"?>\n<!DOCTYPE target SYSTEM \"gdb-target.dtd\">\n"
                     "<target>\n<architecture>riscv:rv64</architecture>\n"
                     "<feature name=\"org.gnu.gdb.riscv.cpu\">\n");
    for (uint32_t i = 0; i < HART_REGISTERS; i++) {
        bool is_pointer = i == 2 || i == 3 || i == 4; /* sp, gp, tp */
        put_register(to, i == 8 ? "fp" : disassemble_register(i), i,
                     i == 1 ? "code_ptr" : (is_pointer ? "data_ptr" : "int"));
    }
    put_register(to, "pc", GDB_REGISTER_PC, "code_ptr");
    gdb_put_text(to, "</feature>\n<feature name=\"org.gnu.gdb.riscv.csr\">\n");
    for (uint32_t i = 0; i < csr_count(); i++)
        put_register(to, csr_name(csr_number(i)), REGISTER_CSR + csr_number(i), "int");
    gdb_put_text(to, "</feature>\n<feature name=\"org.gnu.gdb.riscv.virtual\">\n");
    put_register(to, "priv", REGISTER_PRIV, "int");
    gdb_put_text(to, "</feature>\n</target>\n");
}
