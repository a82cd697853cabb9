/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The agent as a process of its own, measured from outside: `bench-agent AGENT [MIB] [ROUNDS]`, one
 * JSON line. Start to port open, memory idle and at its peak, a trivial job from manifest to
 * result, upload of MIB beside one thread of SHA3-256, download of a result of that size. Files go
 * to /dev/shm, as in a guest, whose disk is memory. Needs root and crun.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cocos/computation.h>
#include <cocos/cvms.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/thread.h"
#include "crypto/digest.h"

#define MINUTE (60 * COCOS__NS_PER_S)

static char dir[64];
static pid_t agent;
static char address[80];
static char pin[96];
static cocos_key *key;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static unsigned accepted, stopped;

static void die(const char *what, const cocos_error *err)
{
    fprintf(stderr, "bench-agent: %s: %s (%s)\n", what, cocos_error_message(err),
            cocos_error_code(err));
    if (agent > 0)
        kill(agent, SIGKILL);
    exit(1);
}

static double seconds_since(int64_t begin)
{
    return (double)(cocos__clock_mono_ns() - begin) / (double)COCOS__NS_PER_S;
}

/* ---- The server ---- */

static void
on_cvms(void *user, int event, const char *who, const char *id, const char *name, const char *text)
{
    (void)user;
    (void)who;
    (void)id;
    (void)name;
    pthread_mutex_lock(&lock);
    accepted += event == COCOS_CVMS_ACCEPTED;
    stopped += event == COCOS_CVMS_STOPPED;
    if (event == COCOS_CVMS_REFUSED)
        fprintf(stderr, "bench-agent: refused: %s\n", text);
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&lock);
}

static void wait_above(const unsigned *counter, unsigned before)
{
    pthread_mutex_lock(&lock);
    while (*counter == before)
        pthread_cond_wait(&changed, &lock);
    pthread_mutex_unlock(&lock);
}

/* ---- The agent ---- */

static int64_t start_agent(const char *program, const char *cvms)
{
    char state[96];
    char line[1024];
    int out[2];
    int64_t begin = cocos__clock_mono_ns();

    snprintf(state, sizeof state, "%s/state", dir);
    if (pipe(out) < 0)
        die("pipe", NULL);
    agent = fork();
    if (agent == 0) {
        dup2(out[1], STDERR_FILENO);
        close(out[0]);
        execl(program, program, "--state", state, "--listen", "127.0.0.1:0", "--cvms", cvms,
              "--unlimited", NULL);
        _exit(127);
    }
    close(out[1]);
    FILE *f = fdopen(out[0], "r");
    while (fgets(line, sizeof line, f)) {
        const char *a = strstr(line, "address=");
        if (a && sscanf(a, "address=%79s pin=%95s", address, pin) == 2)
            return cocos__clock_mono_ns() - begin; /* the pipe stays open for what it says later */
    }
    die("the agent did not start", NULL);
    return 0;
}

static long memory_kib(const char *what)
{
    char path[64];
    char line[256];
    long kib = 0;

    snprintf(path, sizeof path, "/proc/%d/status", (int)agent);
    FILE *f = fopen(path, "r");
    while (f && fgets(line, sizeof line, f)) {
        if (strncmp(line, what, strlen(what)) == 0)
            kib = strtol(line + strlen(what) + 1, NULL, 10);
    }
    if (f)
        fclose(f);
    return kib;
}

/* ---- Files and manifests ---- */

static void path_of(char out[96], const char *name)
{
    snprintf(out, 96, "%s/%s", dir, name);
}

static void make_file(const char *name, const void *data, size_t n, size_t times)
{
    char path[96];

    path_of(path, name);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    for (size_t i = 0; i < times; i++) {
        if (cocos__write_full(fd, data, n, name, NULL) < 0)
            die("cannot write input", NULL);
    }
    close(fd);
}

static void add_asset(cocos__buf *b, const char *file, uint8_t digest[32])
{
    char path[96];
    uint64_t size = 0;
    cocos_error *err = NULL;

    path_of(path, file);
    if (cocos_checksum(path, digest, &size, NULL, &err) < 0)
        die("checksum", err);
    cocos__buf_add_str(b, "\"hash\":\"");
    for (int i = 0; i < 32; i++)
        cocos__buf_printf(b, "%02x", digest[i]);
    cocos__buf_printf(b, "\",\"size\":%llu,\"user_key\":\"public.pem\"", (unsigned long long)size);
}

static cocos_manifest *
make_manifest(const char *id, const char *algorithm, const char *data, uint8_t digests[2][32])
{
    cocos__buf b;
    cocos_manifest *m = NULL;
    cocos_error *err = NULL;

    cocos__buf_init(&b, 65536);
    cocos__buf_printf(&b, "{\"version\":1,\"id\":\"%s\",\"algorithm\":{\"algo_type\":\"bin\",", id);
    add_asset(&b, algorithm, digests[0]);
    cocos__buf_add_str(&b, "},\"datasets\":[{\"filename\":\"d\",");
    add_asset(&b, data, digests[1]);
    cocos__buf_add_str(
        &b, "}],\"result_consumers\":[{\"user_key\":\"public.pem\"}],\"job\":{\"disk\":\"4G\"}}");
    if (cocos_manifest_from_json(cocos__buf_cstr(&b), b.len, dir, &m, &err) < 0)
        die("manifest", err);
    cocos__buf_done(&b);
    return m;
}

static void make_inputs(size_t mib)
{
    static uint8_t block[1 << 20];
    char *pem = NULL;
    cocos_error *err = NULL;

    cocos__random(block, sizeof block);
    make_file("big", block, sizeof block, mib);
    make_file("small", "x", 1, 1);
    make_file("copy", "#!/bin/sh\ncat datasets/d > results/d\n", 37, 1);
    make_file("nothing", "#!/bin/sh\n", 10, 1);
    if (cocos_key_generate(COCOS_KEY_ED25519, &key, &err) < 0 ||
        cocos_key_to_pem(key, 0, &pem, &err) < 0)
        die("key", err);
    make_file("public.pem", pem, strlen(pem), 1);
    cocos_free_text(pem);
}

/* ---- A client ---- */

static cocos_agent_conn *dial(void)
{
    cocos_agent_options *o = NULL;
    cocos_agent_conn *c = NULL;
    cocos_error *err = NULL;

    if (cocos_agent_options_new(&o, &err) < 0)
        die("options", err);
    cocos_agent_options_set_insecure_no_attestation(o, 1);
    if (cocos_agent_options_set_address(o, address, &err) < 0 ||
        cocos_agent_options_set_pin(o, pin, &err) < 0 ||
        cocos_agent_connect(o, cocos_deadline_in(MINUTE), NULL, &c, &err) < 0)
        die("connect", err);
    cocos_agent_options_free(o);
    return c;
}

static double upload(cocos_agent_conn *c, int kind, const char *file, const uint8_t digest[32])
{
    cocos_upload *u = NULL;
    cocos_error *err = NULL;
    char path[96];

    path_of(path, file);
    if (cocos_upload_new(kind, 0, &u, &err) < 0 || cocos_upload_set_path(u, path, &err) < 0)
        die("upload", err);
    cocos_upload_set_digest(u, digest);
    int64_t begin = cocos__clock_mono_ns();
    if (cocos_agent_upload(c, u, key, cocos_deadline_in(10 * MINUTE), NULL, &err) < 0)
        die("upload", err);
    double took = seconds_since(begin);
    cocos_upload_free(u);
    return took;
}

static int until_over(void *user,
                      uint64_t sequence,
                      int64_t time_ns,
                      const char *state,
                      const char *what,
                      uint64_t bytes,
                      int ok,
                      uint64_t lost)
{
    (void)user;
    (void)sequence;
    (void)time_ns;
    (void)what;
    (void)bytes;
    (void)ok;
    (void)lost;
    return strcmp(state, "ConsumingResults") == 0 || strcmp(state, "Failed") == 0;
}

static double fetch(cocos_agent_conn *c, uint64_t *size)
{
    cocos_error *err = NULL;
    char path[96];

    if (cocos_agent_watch(c, key, 0, until_over, NULL, cocos_deadline_in(10 * MINUTE), NULL, &err) <
        0)
        die("watch", err);
    path_of(path, "result.zip");
    unlink(path);
    int64_t begin = cocos__clock_mono_ns();
    if (cocos_agent_download(c, 0, path, key, NULL, NULL, cocos_deadline_in(10 * MINUTE), NULL,
                             size, &err) < 0)
        die("download", err);
    return seconds_since(begin);
}

/* ---- Measuring ---- */

static double sha3_rate(void)
{
    static uint8_t block[1 << 20];
    cocos__hasher *h = NULL;
    uint8_t digest[32];
    int64_t begin = cocos__clock_mono_ns();

    if (cocos__hasher_new(COCOS__SHA3_256, &h, NULL) < 0)
        die("hasher", NULL);
    for (int i = 0; i < 512; i++)
        (void)!cocos__hasher_update(h, block, sizeof block, NULL);
    (void)!cocos__hasher_finish(h, digest, NULL);
    cocos__hasher_free(h);
    return 512 / seconds_since(begin);
}

static void run(cocos_cvms *cvms, const cocos_manifest *m)
{
    cocos_error *err = NULL;
    unsigned before = accepted;

    if (cocos_cvms_run(cvms, NULL, m, &err) < 0)
        die("run", err);
    wait_above(&accepted, before);
}

static void stop(cocos_cvms *cvms)
{
    cocos_error *err = NULL;
    unsigned before = stopped;

    if (cocos_cvms_stop(cvms, NULL, NULL, &err) < 0)
        die("stop", err);
    wait_above(&stopped, before);
}

static double trivial(cocos_cvms *cvms, const cocos_manifest *m, uint8_t digests[2][32])
{
    uint64_t size = 0;
    int64_t begin = cocos__clock_mono_ns();

    run(cvms, m);
    cocos_agent_conn *c = dial();
    upload(c, COCOS_ASSET_ALGORITHM, "nothing", digests[0]);
    upload(c, COCOS_ASSET_DATASET, "small", digests[1]);
    fetch(c, &size);
    double took = seconds_since(begin);
    cocos_agent_conn_close(c);
    stop(cvms);
    return took;
}

int main(int argc, char **argv)
{
    size_t mib = argc > 2 ? strtoul(argv[2], NULL, 10) : 1024;
    int rounds = argc > 3 ? atoi(argv[3]) : 3;
    cocos_cvms_options *o = NULL;
    cocos_cvms *cvms = NULL;
    cocos_error *err = NULL;
    uint8_t digests[2][32];
    double best_job = 1e9, best_up = 0, best_sha = 0, best_down = 0;
    uint64_t size = 0;

    if (argc < 2 || mib == 0 || geteuid() != 0)
        die("usage: bench-agent AGENT [MIB] [ROUNDS], as root", NULL);
    strcpy(dir, access("/dev/shm", W_OK) == 0 ? "/dev/shm/cocos-bench-XXXXXX"
                                              : "/tmp/cocos-bench-XXXXXX");
    if (!mkdtemp(dir))
        die("mkdtemp", NULL);
    make_inputs(mib);
    if (cocos_cvms_options_new(&o, &err) < 0 ||
        cocos_cvms_options_set(o, "listen", "127.0.0.1:0", &err) < 0 ||
        cocos_cvms_open(o, on_cvms, NULL, &cvms, &err) < 0)
        die("server", err);
    cocos_cvms_options_free(o);
    double start_ms = (double)start_agent(argv[1], cocos_cvms_address(cvms)) / 1e6;
    usleep(300000);
    long idle = memory_kib("VmRSS:");

    cocos_manifest *m = make_manifest("trivial", "nothing", "small", digests);
    for (int i = 0; i < 5 * rounds; i++) {
        double took = trivial(cvms, m, digests);
        best_job = took < best_job ? took : best_job;
    }
    cocos_manifest_free(m);
    m = make_manifest("big", "copy", "big", digests);
    for (int i = 0; i < rounds; i++) {
        double sha = sha3_rate();
        best_sha = sha > best_sha ? sha : best_sha;
        run(cvms, m);
        cocos_agent_conn *c = dial();
        double up = (double)mib / upload(c, COCOS_ASSET_DATASET, "big", digests[1]);
        best_up = up > best_up ? up : best_up;
        upload(c, COCOS_ASSET_ALGORITHM, "copy", digests[0]);
        double took = fetch(c, &size);
        double down = (double)size / 1048576 / took;
        best_down = down > best_down ? down : best_down;
        cocos_agent_conn_close(c);
        stop(cvms);
    }
    cocos_manifest_free(m);
    printf(
        "{\"bench\": \"agent\", \"mib\": %zu, \"start_ms\": %.1f, \"idle_kib\": %ld, \"peak_kib\": %ld, "
        "\"trivial_job_ms\": %.1f, \"sha3_mib_s\": %.0f, \"upload_mib_s\": %.0f, \"upload_ratio\": %.2f, "
        "\"download_mib_s\": %.0f}\n",
        mib, start_ms, idle, memory_kib("VmHWM:"), best_job * 1000, best_sha, best_up,
        best_up / best_sha, best_down);

    kill(agent, SIGTERM);
    waitpid(agent, NULL, 0);
    cocos_cvms_close(cvms);
    cocos_key_free(key);
    (void)cocos__remove_tree(dir, 0, NULL);
    return 0;
}
