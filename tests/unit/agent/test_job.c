/* SPDX-License-Identifier: Apache-2.0 */
/* Real jobs under the real runtime; limits by control groups are tested in a guest. */
#include "job_run.h"

static void ends_with(job_run *r, int end, int value)
{
    job_run_start(r);
    job_run_wait(r);
    ck_assert_int_eq(r->outcome.end, end);
    ck_assert_int_eq(r->outcome.value, value);
}

START_TEST(reports_the_exit_status)
{
    START_JOB(r, "exit", "0");
    ends_with(&r, COCOS__JOB_EXITED, 0);
    char *text = job_run_output(&r, "cocos-job/exit.json");
    const char *want = r.outcome.limits_enforced
                           ? "{\"end\":\"exited\",\"status\":0,\"stdout_bytes\":0,"
                             "\"stderr_bytes\":0,\"limits_enforced\":true}\n"
                           : "{\"end\":\"exited\",\"status\":0,\"stdout_bytes\":0,"
                             "\"stderr_bytes\":0,\"limits_enforced\":false}\n";
    ck_assert_str_eq(text, want);
    free(text);
    job_run_done(&r);

    START_JOB(q, "exit", "42");
    ends_with(&q, COCOS__JOB_EXITED, 42);
    job_run_done(&q);
}
END_TEST

START_TEST(reports_the_signal)
{
    static const char *const signals[] = {"4", "8", "11"};

    for (size_t i = 0; i < COCOS__ARRAY_LEN(signals); i++) {
        const char *const args[] = {"signal", signals[i]};
        job_run r;
        if (cannot_run_jobs())
            return;
        job_run_init(&r, args, 2);
        ends_with(&r, COCOS__JOB_SIGNALED, atoi(signals[i]));
        job_run_done(&r);
    }
}
END_TEST

START_TEST(gives_exactly_the_documented_environment)
{
    START_JOB(r, "environment");
    ck_assert_int_eq(setenv("SECRET_TOKEN", "hunter2", 1), 0);
    ck_assert_int_ge(open("/proc/version", O_RDONLY), 0); /* left open, not close-on-exec */
    ends_with(&r, COCOS__JOB_EXITED, 0);
    char *text = job_run_output(&r, "cocos-job/stdout");
    ck_assert_str_eq(text, "env PATH=/usr/local/bin:/usr/bin:/bin\n"
                           "env HOME=/cocos\n"
                           "env TMPDIR=/tmp\n"
                           "env LANG=C.UTF-8\n"
                           "env COCOS_DATASETS=/cocos/datasets\n"
                           "env COCOS_RESULTS=/cocos/results\n"
                           "stdin 0\n"
                           "cwd /cocos\n"
                           "uid 64000 64000 pid 1\n");
    free(text);
    job_run_done(&r);
}
END_TEST

START_TEST(runs_scripts_with_their_arguments_as_given)
{
    START_JOB(r, "a b", "", "\"q\\\" \n\t$HOME", "\xc3\xa9");
    scratch_write(
        &r.s, "algo",
        "#!/bin/sh\nfor a; do printf '<%s>' \"$a\"; done\ncat datasets/a.csv > results/copy\n"
        "mkdir results/sub && echo deep > results/sub/file\n",
        0600);
    ends_with(&r, COCOS__JOB_EXITED, 0);
    char *text = job_run_output(&r, "cocos-job/stdout");
    ck_assert_str_eq(text, "<a b><><\"q\\\" \n\t$HOME><\xc3\xa9>");
    free(text);
    text = job_run_output(&r, "copy");
    ck_assert_str_eq(text, "1,2\n");
    free(text);
    text = job_run_output(&r, "sub/file");
    ck_assert_str_eq(text, "deep\n");
    free(text);
    job_run_done(&r);
}
END_TEST

/* Every line of the job's output must start with "refused". */
static void all_refused(job_run *r)
{
    ends_with(r, COCOS__JOB_EXITED, 0);
    char *text = job_run_output(r, "cocos-job/stdout");
    char *rest = text;
    int lines = 0;

    for (char *line; (line = strsep(&rest, "\n")) && *line; lines++)
        ck_assert_msg(strncmp(line, "refused ", 8) == 0, "%s", line);
    ck_assert_int_gt(lines, 5);
    free(text);
    job_run_done(r);
}

START_TEST(cannot_write_inputs_or_the_system)
{
    START_JOB(r, "write");
    all_refused(&r);
}
END_TEST

START_TEST(cannot_see_the_host)
{
    static const char *args[] = {"look", NULL};
    job_run r;

    if (cannot_run_jobs())
        return;
    job_run_init(&r, args, 2);
    args[1] = r.s.path;
    all_refused(&r);
}
END_TEST

START_TEST(cannot_reach_the_network_or_dangerous_calls)
{
    START_JOB(r, "kernel");
    all_refused(&r);
}
END_TEST

START_TEST(ends_a_fork_bomb_at_its_deadline)
{
    START_JOB(r, "fork");
    r.spec.deadline_ns = COCOS__NS_PER_S / 2;
    int64_t start = cocos__clock_mono_ns();
    ends_with(&r, COCOS__JOB_DEADLINE, 0);
    ck_assert_int_lt((int)((cocos__clock_mono_ns() - start) / COCOS__NS_PER_MS), 15000);
    char *text = job_run_output(&r, "cocos-job/exit.json");
    ck_assert_ptr_nonnull(strstr(text, "\"end\":\"deadline\""));
    free(text);
    job_run_done(&r);
}
END_TEST

static void *stop_later(void *user)
{
    job_run *r = user;

    usleep(300 * 1000);
    cocos__job_stop(r->job);
    cocos__job_stop(r->job);
    return NULL;
}

START_TEST(stops_a_job_that_ignores_every_signal)
{
    START_JOB(r, "deaf");
    pthread_t t;

    job_run_start(&r);
    ck_assert_int_eq(pthread_create(&t, NULL, stop_later, &r), 0);
    job_run_wait(&r);
    ck_assert_int_eq(r.outcome.end, COCOS__JOB_STOPPED);
    pthread_join(t, NULL);
    job_run_done(&r);
}
END_TEST

START_TEST(stops_at_any_moment_and_leaves_nothing)
{
    for (int delay_us = 0; delay_us <= 30000; delay_us += 1000) {
        START_JOB(r, "deaf");
        job_run_start(&r);
        usleep((useconds_t)delay_us);
        cocos__job_stop(r.job);
        job_run_wait(&r);
        ck_assert_int_eq(r.outcome.end, COCOS__JOB_STOPPED);
        job_run_done(&r);
    }
}
END_TEST

START_TEST(is_stopped_by_free)
{
    START_JOB(r, "deaf");
    job_run_start(&r);
    job_run_done(&r);
}
END_TEST

START_TEST(is_killed_with_the_agent)
{
    START_JOB(r, "deaf");
    int ready[2];
    char byte;

    ck_assert_int_eq(pipe(ready), 0);
    pid_t agent = fork();
    if (agent == 0) {
        if (cocos__job_start(&r.spec, &r.job, NULL) == COCOS_OK)
            (void)!write(ready[1], "1", 1);
        for (;;)
            pause();
    }
    ck_assert_int_eq((int)read(ready[0], &byte, 1), 1);
    for (int i = 0; processes_of(r.algorithm) == 0 && i < 30000; i++)
        usleep(1000);
    ck_assert_int_gt(processes_of(r.algorithm), 0);
    ck_assert_int_eq(kill(agent, SIGKILL), 0);
    ck_assert_int_eq(waitpid(agent, NULL, 0), agent);
    for (int i = 0; processes_of(r.algorithm) > 0 && i < 30000; i++)
        usleep(1000);
    ck_assert_int_eq(processes_of(r.algorithm), 0);

    /* the next agent removes its directory, and may start the same run again */
    ck_assert_int_eq(cocos__remove_tree(r.dir, 1, NULL), COCOS_OK);
    job_run_start(&r);
    job_run_done(&r);
}
END_TEST

START_TEST(keeps_both_ends_of_endless_output)
{
    START_JOB(r, "print", "30000000");
    r.spec.disk = 80000; /* keeps 10,000 bytes of each end */
    ends_with(&r, COCOS__JOB_EXITED, 0);
    ck_assert_uint_eq(r.outcome.stdout_bytes, 30000000);
    ck_assert_uint_eq(r.outcome.stderr_bytes, 5);
    char *text = job_run_output(&r, "cocos-job/stdout");
    const char *note = "\n[cocos: 29980000 bytes left out here]\n";
    ck_assert_ptr_eq(strstr(text, note), text + 10000);
    ck_assert_uint_eq(strlen(text), 20000 + strlen(note));
    free(text);
    job_run_done(&r);
}
END_TEST

START_TEST(holds_the_quota_of_results_and_temporary_files_together)
{
    static const char *const places[] = {"results/big", "/tmp/big", "/dev/shm/big"};

    for (size_t i = 0; i < COCOS__ARRAY_LEN(places); i++) {
        const char *const args[] = {"fill", places[i]};
        job_run r;
        if (cannot_run_jobs())
            return;
        job_run_init(&r, args, 2);
        ends_with(&r, COCOS__JOB_DISK, 0);
        job_run_done(&r);
    }
    START_JOB(r, "inodes");
    ends_with(&r, COCOS__JOB_DISK, 0);
    job_run_done(&r);
}
END_TEST

START_TEST(limits_memory)
{
    START_JOB(r, "memory", "1000000000");
    job_run_start(&r);
    job_run_wait(&r);
    if (r.outcome.limits_enforced)
        ck_assert_int_eq(r.outcome.end, COCOS__JOB_MEMORY);
    else /* by best effort: its allocation fails */
        ck_assert_int_eq(r.outcome.value, 7);
    job_run_done(&r);
}
END_TEST

START_TEST(counts_results_as_memory_where_limits_are_enforced)
{
    START_JOB(r, "fill", "results/big");
    r.spec.memory = 8 << 20;
    r.spec.disk = 64 << 20;
    job_run_start(&r);
    job_run_wait(&r);
    ck_assert_int_eq(r.outcome.end,
                     r.outcome.limits_enforced ? COCOS__JOB_MEMORY : COCOS__JOB_DISK);
    job_run_done(&r);
}
END_TEST

START_TEST(limits_the_number_of_processes)
{
    START_JOB(r, "count");
    r.spec.processes = 8;
    ends_with(&r, COCOS__JOB_EXITED, 0);
    char *text = job_run_output(&r, "cocos-job/stdout");
    ck_assert_int_ge(atoi(text), 6);
    ck_assert_int_le(atoi(text), 8);
    free(text);
    job_run_done(&r);
}
END_TEST

START_TEST(limits_the_processor_where_limits_are_enforced)
{
    START_JOB(r, "spin", "400");
    r.spec.cpu_milli = 200;
    ends_with(&r, COCOS__JOB_EXITED, 0);
    if (r.outcome.limits_enforced)
        ck_assert_int_ge((int)(r.outcome.run_ns / COCOS__NS_PER_MS), 1500);
    job_run_done(&r);
}
END_TEST

static void pack_refused(const char *what, const char *arg, const char *code)
{
    const char *const args[] = {what, arg};
    job_run r;
    char path[128];

    if (cannot_run_jobs())
        return;
    job_run_init(&r, args, 2);
    r.spec.deadline_ns = 0;
    ends_with(&r, COCOS__JOB_EXITED, 0);
    snprintf(path, sizeof path, "%s/out.zip", r.s.path);
    ck_assert_int_lt(cocos__job_pack(r.job, 1, path, &r.err), 0);
    ck_assert_str_eq(cocos_error_code(r.err), "job.results");
    ck_assert_ptr_nonnull(strstr(cocos_error_message(r.err), code));
    ck_assert_ptr_null(strstr(cocos_error_message(r.err), "link ")); /* no names of the job's */
    cocos_error_free(r.err);
    r.err = NULL;
    ck_assert_int_eq(access(path, F_OK), -1);
    assert_ok(cocos__job_pack_output(r.job, path, &r.err), r.err); /* which is there all the same */
    job_run_done(&r);
}

START_TEST(refuses_to_pack_what_a_hostile_job_left)
{
    pack_refused("leave", "link", "archive.link");
    pack_refused("leave", "dirlink", "archive.link");
    pack_refused("leave", "fifo", "archive.kind");
    pack_refused("leave", "socket", "archive.kind");
    pack_refused("leave", "reserved", "archive.duplicate");
    pack_refused("deep", "1000", "archive.name");
}
END_TEST

START_TEST(packs_hostile_names_as_they_are)
{
    START_JOB(r, "leave", "names");
    char path[128];
    ends_with(&r, COCOS__JOB_EXITED, 0);
    snprintf(path, sizeof path, "%s/out.zip", r.s.path);
    assert_ok(cocos__job_pack(r.job, 0, path, &r.err), r.err);
    job_run_done(&r);
}
END_TEST

START_TEST(unpacks_a_data_set_and_refuses_a_hostile_one)
{
    START_JOB(r, "exit", "0");
    scratch in = scratch_new();
    scratch_write(&in, "deep/b.csv", "3,4\n", 0600);
    char command[256];
    int fd = openat(r.s.fd, "z", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    int sink(void *user, const void *data, size_t len, cocos_error **e)
    {
        return cocos__write_full(*(int *)user, data, len, "zip", e);
    }
    assert_ok(cocos__zip_write(in.fd, NULL, 0, 0, sink, &fd, &r.err), r.err);
    close(fd);
    snprintf(command, sizeof command, "%s/z", r.s.path);
    scratch_write(&r.s, "algo", "#!/bin/sh\ncat datasets/a.csv datasets/deep/b.csv\n", 0600);
    r.datasets[1] = (cocos__job_dataset){"b.zip", command, 1};
    r.spec.n_datasets = 2;
    ends_with(&r, COCOS__JOB_EXITED, 0);
    char *text = job_run_output(&r, "cocos-job/stdout");
    ck_assert_str_eq(text, "1,2\n3,4\n");
    free(text);
    cocos__job_free(r.job);
    r.job = NULL;

    scratch_write(&r.s, "z", "no zip at all, whatever its name", 0600);
    assert_fails(cocos__job_start(&r.spec, &r.job, &r.err), COCOS_ERR_MALFORMED,
                 "archive.malformed", r.err);
    job_run_done(&r);
    scratch_free(&in);
}
END_TEST

START_TEST(tells_a_broken_sandbox_from_a_failed_job)
{
    static const char *const runtimes[] = {"/bin/false", "/bin/true"};

    START_JOB(r, "exit", "0");
    scratch_write(&r.s, "algo", "#!/no/such/interpreter\n", 0600);
    ends_with(&r, COCOS__JOB_EXITED, 1);
    char *text = job_run_output(&r, "cocos-job/stderr");
    ck_assert_ptr_nonnull(strstr(text, "No such file"));
    free(text);
    job_run_done(&r);

    for (size_t i = 0; i < COCOS__ARRAY_LEN(runtimes); i++) {
        START_JOB(q, "exit", "0");
        q.spec.crun = runtimes[i];
        job_run_start(&q);
        assert_fails(cocos__job_wait(q.job, &q.outcome, &q.err), COCOS_ERR_INTERNAL, "job.runtime",
                     q.err);
        ck_assert_int_eq(q.outcome.end, COCOS__JOB_RUNTIME);
        text = job_run_output(&q, "cocos-job/exit.json");
        ck_assert_ptr_nonnull(strstr(text, "\"end\":\"runtime\""));
        free(text);
        job_run_done(&q);
    }

    START_JOB(p, "exit", "0");
    p.spec.crun = "/no/such/runtime";
    assert_fails(cocos__job_start(&p.spec, &p.job, &p.err), COCOS_ERR_NOT_FOUND, "job.runtime",
                 p.err);
    job_run_done(&p);
}
END_TEST

START_TEST(refuses_what_it_cannot_do)
{
    START_JOB(r, "exit", "0");
    cocos__job_spec good = r.spec;

    r.spec.kind = "python";
    assert_fails(cocos__job_start(&r.spec, &r.job, &r.err), COCOS_ERR_UNSUPPORTED, "job.kind",
                 r.err);
    r.spec = good;
    r.spec.id = "../up";
    assert_fails(cocos__job_start(&r.spec, &r.job, &r.err), COCOS_ERR_USAGE, "job.id", r.err);
    r.spec = good;
    r.datasets[0].name = "../up";
    assert_fails(cocos__job_start(&r.spec, &r.job, &r.err), COCOS_ERR_USAGE, "job.asset", r.err);
    ck_assert_int_eq(access(r.dir, F_OK), -1);
    r.datasets[0].name = "a.csv";
    r.spec.memory = 0;
    assert_fails(cocos__job_start(&r.spec, &r.job, &r.err), COCOS_ERR_USAGE, "job.limits", r.err);
    job_run_done(&r);
}
END_TEST

START_TEST(enforces_limits_or_says_that_it_cannot)
{
    START_JOB(r, "exit", "0");
    r.spec.unlimited = 0;
    if (cocos__job_start(&r.spec, &r.job, &r.err) == COCOS_OK) {
        job_run_wait(&r);
        ck_assert_int_eq(r.outcome.limits_enforced, 1);
    } else {
        ck_assert_int_eq(cocos_error_status(r.err), COCOS_ERR_UNSUPPORTED);
        ck_assert_str_eq(cocos_error_code(r.err), "job.limits");
        cocos_error_free(r.err);
    }
    job_run_done(&r);
}
END_TEST

TEST_MAIN(job,
          reports_the_exit_status,
          reports_the_signal,
          gives_exactly_the_documented_environment,
          runs_scripts_with_their_arguments_as_given,
          cannot_write_inputs_or_the_system,
          cannot_see_the_host,
          cannot_reach_the_network_or_dangerous_calls,
          ends_a_fork_bomb_at_its_deadline,
          stops_a_job_that_ignores_every_signal,
          stops_at_any_moment_and_leaves_nothing,
          is_stopped_by_free,
          is_killed_with_the_agent,
          keeps_both_ends_of_endless_output,
          holds_the_quota_of_results_and_temporary_files_together,
          limits_memory,
          counts_results_as_memory_where_limits_are_enforced,
          limits_the_number_of_processes,
          limits_the_processor_where_limits_are_enforced,
          refuses_to_pack_what_a_hostile_job_left,
          packs_hostile_names_as_they_are,
          unpacks_a_data_set_and_refuses_a_hostile_one,
          tells_a_broken_sandbox_from_a_failed_job,
          refuses_what_it_cannot_do,
          enforces_limits_or_says_that_it_cannot)
