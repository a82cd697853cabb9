/* SPDX-License-Identifier: Apache-2.0 */
/* A job that does its work: `writer N` writes N bytes, always the same, to results/big and what it read to results/seen. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

static int write_big(unsigned long long size)
{
    static uint32_t block[16384];
    uint32_t x = 1;
    FILE *f = fopen("results/big", "w");

    while (f && size > 0) {
        size_t n = size < sizeof block ? (size_t)size : sizeof block;

        for (size_t i = 0; i < sizeof block / sizeof *block; i++)
            block[i] = x = x * 1664525 + 1013904223; /* does not compress */
        if (fwrite(block, 1, n, f) != n)
            return -1;
        size -= n;
    }
    return f && fclose(f) == 0 ? 0 : -1;
}

static int list_data(void)
{
    FILE *f = fopen("results/seen", "w");
    DIR *d = opendir("datasets");

    for (struct dirent *e; f && d && (e = readdir(d));) {
        if (e->d_name[0] != '.')
            fprintf(f, "%s\n", e->d_name);
    }
    return f && fclose(f) == 0 ? 0 : -1;
}

int main(int argc, char **argv)
{
    return write_big(argc > 1 ? strtoull(argv[1], NULL, 10) : 0) < 0 || list_data() < 0;
}
