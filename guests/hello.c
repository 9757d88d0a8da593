/* hello: the smallest guest: it greets, looks whether its memory is really there, and ends. */
#include "runtime.h"

int main(int argc, char **argv)
{
    volatile uint64_t *first = (volatile uint64_t *)__heap_start;
    volatile uint64_t *last = (volatile uint64_t *)heap_end() - 1;

    read_options(argc, argv, NULL, 0);
    print("Hello from a RISC-V machine with %lu KiB of memory.\n", memory_bytes() / 1024);
    if (*first != 0 || *last != 0) {
        print("hello: free memory is not empty at the start\n");
        return 1;
    }
    *first = 0x0123456789abcdef;
    *last = ~*first;
    if (*first + *last != UINT64_MAX || *first != 0x0123456789abcdef) {
        print("hello: memory does not hold what was stored\n");
        return 1;
    }
    print("hello: its first and its last word hold what was stored, ok\n");
    return 0;
}
