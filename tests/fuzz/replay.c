/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Stands in for a fuzzing engine: runs the harness on every file of the given folders, then on each
 * file cut short and with single bits flipped, chosen by a fixed sequence so that runs repeat.
 */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SIZE_MAX_INPUT (4u << 20)
#define MUTATIONS      400

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint32_t state = 1;

static uint32_t next_random(void)
{
    state = state * 1664525u + 1013904223u;
    return state >> 8;
}

/* An exact-size heap copy, so that the address sanitizer sees a read one past the end. */
static void run(const uint8_t *data, size_t size)
{
    uint8_t *copy = malloc(size ? size : 1);
    if (!copy)
        abort();
    memcpy(copy, data, size);
    LLVMFuzzerTestOneInput(copy, size);
    free(copy);
}

static void run_mutations(uint8_t *data, size_t size)
{
    size_t n = size < 65536 ? MUTATIONS : MUTATIONS / 10;

    for (size_t i = 0; size > 0 && i < n; i++) {
        size_t at = next_random() % size;
        uint8_t old = data[at];
        data[at] ^= (uint8_t)(1u << (next_random() & 7));
        run(data, size);
        if (i % 4 == 0)
            run(data, next_random() % size);
        data[at] = old;
    }
}

static int run_file(const char *path)
{
    FILE *f = fopen(path, "rb");
    uint8_t *data = malloc(SIZE_MAX_INPUT);

    if (!f || !data) {
        fprintf(stderr, "cannot read %s\n", path);
        return 1;
    }
    size_t size = fread(data, 1, SIZE_MAX_INPUT, f);
    fclose(f);
    run(data, size);
    run_mutations(data, size);
    free(data);
    return 0;
}

static int run_folder(const char *folder, unsigned *files)
{
    DIR *d = opendir(folder);
    int failed = 0;

    if (!d) {
        fprintf(stderr, "cannot open %s\n", folder);
        return 1;
    }
    for (struct dirent *e; (e = readdir(d));) {
        char path[4096];
        if (e->d_name[0] == '.')
            continue;
        snprintf(path, sizeof path, "%s/%s", folder, e->d_name);
        failed |= run_file(path);
        ++*files;
    }
    closedir(d);
    return failed;
}

int main(int argc, char **argv)
{
    unsigned files = 0;
    int failed = 0;

    for (int i = 1; i < argc; i++)
        failed |= run_folder(argv[i], &files);
    printf("%u files replayed\n", files);
    return failed || files == 0;
}
