/* hello: the smallest guest. */
#include "runtime.h"

int main(int argc, char **argv)
{
    read_options(argc, argv, NULL, 0);
    print("Hello from a RISC-V machine with %lu KiB of memory.\n", memory_bytes() / 1024);
    return 0;
}
