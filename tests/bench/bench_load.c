/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a library costs a program before its first line: bench-load WITH WITHOUT LIBRARY [ROUNDS].
 * WITH is linked to the library (or is `cocos`: both are asked for --help), WITHOUT only to what
 * libcocos-verify is linked to; both are started ROUNDS times in turn and the medians compared.
 * Prints one JSON line.
 */
#include <fcntl.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

static void die(const char *what)
{
    fprintf(stderr, "bench-load: %s\n", what);
    exit(1);
}

static double milliseconds(const char *program)
{
    struct timespec from;
    struct timespec to;
    char help[] = "--help";
    char *argv[] = {(char *)(uintptr_t)program, help, NULL};
    posix_spawn_file_actions_t quiet;
    pid_t pid;
    int status = 1;

    if (posix_spawn_file_actions_init(&quiet) != 0 ||
        posix_spawn_file_actions_addopen(&quiet, STDOUT_FILENO, "/dev/null", O_WRONLY, 0) != 0)
        die("no /dev/null");
    clock_gettime(CLOCK_MONOTONIC, &from);
    if (posix_spawn(&pid, program, &quiet, NULL, argv, environ) != 0 ||
        waitpid(pid, &status, 0) != pid || status != 0)
        die(program);
    clock_gettime(CLOCK_MONOTONIC, &to);
    posix_spawn_file_actions_destroy(&quiet);
    return (double)(to.tv_sec - from.tv_sec) * 1e3 + (double)(to.tv_nsec - from.tv_nsec) / 1e6;
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;

    return (x > y) - (x < y);
}

/* Bytes of the library when it is installed stripped. */
static long stripped_size(const char *library)
{
    char command[4096];
    char copy[] = "/tmp/cocos-bench-load-XXXXXX";
    struct stat st;
    int fd = mkstemp(copy);

    if (fd < 0)
        die("no file for a copy");
    close(fd);
    snprintf(command, sizeof command, "strip -o %s '%s'", copy, library);
    if (system(command) != 0 || stat(copy, &st) != 0)
        die(command);
    unlink(copy);
    return (long)st.st_size;
}

int main(int argc, char **argv)
{
    size_t rounds = argc > 4 ? strtoul(argv[4], NULL, 10) : 500;
    double *with = calloc(rounds, sizeof *with);
    double *without = calloc(rounds, sizeof *without);

    if (argc < 4 || rounds == 0 || !with || !without)
        die("usage: bench-load WITH WITHOUT LIBRARY [ROUNDS]");
    for (size_t i = 0; i < rounds; i++) {
        with[i] = milliseconds(argv[1]);
        without[i] = milliseconds(argv[2]);
    }
    qsort(with, rounds, sizeof *with, compare);
    qsort(without, rounds, sizeof *without, compare);
    printf("{\"load_ms\": %.3f, \"start_with_ms\": %.3f, \"start_without_ms\": %.3f, "
           "\"stripped_bytes\": %ld, \"rounds\": %zu}\n",
           with[rounds / 2] - without[rounds / 2], with[rounds / 2], without[rounds / 2],
           stripped_size(argv[3]), rounds);
    free(with);
    free(without);
    return 0;
}
