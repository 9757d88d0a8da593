/* warm MiB: touches so much memory, on huge pages, and gives it back. Memory that has lain free for
 * long may have been taken back by the computer that this one is a guest of, and is then slow when
 * it is touched first: that is no matter of what is measured next. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#define PAGE_BYTES 4096u

int main(int argc, char **argv)
{
    size_t count = argc == 2 ? (size_t)strtoull(argv[1], NULL, 10) << 20 : 0;

    if (count == 0) {
        fprintf(stderr, "usage: warm MiB\n");
        return 2;
    }
    uint8_t *memory = mmap(NULL, count, PROT_READ | PROT_WRITE,
                           MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED) {
        perror("warm");
        return 1;
    }
    madvise(memory, count, MADV_HUGEPAGE);
    for (size_t at = 0; at < count; at += PAGE_BYTES)
        memory[at] = 1;
    return 0;
}
