/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The OCI configuration of a job (runtime-spec 1.0: config.md, config-linux.md). What a job sees:
 * the programs and libraries of the system read-only, its own /proc, /dev, /tmp, and /cocos.
 * Nothing of /etc, /run, /sys, /home, /var or of the agent.
 */
#include "agent/job_bundle.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "agent/job_seccomp.h"
#include "base/fd.h"
#include "compute/archive.h"

#define CONFIG_MAX (4u << 20)
#define FILES_OPEN 1024
/* Unpacked data sets lie on the agent's disk; archive.h has the other limits. */
#define UNPACKED_ENTRIES 65535

static const char *const system_dirs[] = {"bin", "sbin", "lib", "lib32", "lib64", "usr"};

/* RFC 8259 section 7. Names are UTF-8 by the rules of the manifest; a path is ours. */
static void add_json(cocos__buf *b, const char *s)
{
    cocos__buf_add_u8(b, '"');
    for (; *s; s++) {
        unsigned char c = (unsigned char)*s;
        if (c == '"' || c == '\\')
            cocos__buf_printf(b, "\\%c", c);
        else if (c < 0x20 || c == 0x7f)
            cocos__buf_printf(b, "\\u%04x", c);
        else
            cocos__buf_add_u8(b, c);
    }
    cocos__buf_add_u8(b, '"');
}

static int path_of(char out[PATH_MAX], const char *dir, const char *name, cocos_error **err)
{
    if (snprintf(out, PATH_MAX, "%s/%s", dir, name) >= PATH_MAX)
        return cocos__fail(err, COCOS_ERR_USAGE, "io.path", "a path of the job is too long");
    return COCOS_OK;
}

static int make_dir(const char *dir, const char *name, char out[PATH_MAX], cocos_error **err)
{
    int r = path_of(out, dir, name, err);

    /* The job's user passes through, whatever umask the agent was started with. */
    if (r == COCOS_OK && (mkdir(out, 0755) < 0 || chmod(out, 0755) < 0))
        r = cocos__fail_errno(err, errno, "io.mkdir", "cannot make %s", out);
    return r;
}

static int make_file(const char *dir, const char *name, const char *text, cocos_error **err)
{
    char path[PATH_MAX];

    int r = path_of(path, dir, name, err);
    if (r < 0)
        return r;
    COCOS__CLEANUP(cocos__closep)
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
    if (fd < 0)
        return cocos__fail_errno(err, errno, "io.create", "cannot make %s", path);
    (void)fchmod(fd, 0644);
    return cocos__write_full(fd, text, strlen(text), path, err);
}

/* "/usr" itself or the link that stands there: a merged /bin is one to usr/bin. */
static int
add_system_dir(cocos__buf *mounts, const char *rootfs, const char *name, cocos_error **err)
{
    char host[16];
    char inside[PATH_MAX];
    char target[64];
    struct stat st;

    snprintf(host, sizeof host, "/%s", name);
    int r = path_of(inside, rootfs, name, err);
    if (r < 0 || lstat(host, &st) < 0)
        return r;
    if (S_ISLNK(st.st_mode)) {
        ssize_t n = readlink(host, target, sizeof target - 1);
        if (n <= 0)
            return COCOS_OK;
        target[n] = '\0';
        if (symlink(target, inside) < 0)
            return cocos__fail_errno(err, errno, "io.create", "cannot make %s", inside);
        return COCOS_OK;
    }
    if (!S_ISDIR(st.st_mode))
        return COCOS_OK;
    if (mkdir(inside, 0755) < 0 || chmod(inside, 0755) < 0)
        return cocos__fail_errno(err, errno, "io.mkdir", "cannot make %s", inside);
    cocos__buf_printf(mounts,
                      ",{\"destination\":\"%s\",\"type\":\"bind\",\"source\":\"%s\","
                      "\"options\":[\"rbind\",\"ro\",\"nosuid\",\"nodev\"]}",
                      host, host);
    return COCOS_OK;
}

static void add_bind(
    cocos__buf *mounts, const char *source, const char *to, const char *name, const char *options)
{
    char destination[PATH_MAX];

    snprintf(destination, sizeof destination, "%s%s%s", to, *name ? "/" : "", name);
    cocos__buf_add_str(mounts, ",{\"type\":\"bind\",\"destination\":");
    add_json(mounts, destination);
    cocos__buf_add_str(mounts, ",\"source\":");
    add_json(mounts, source);
    cocos__buf_printf(mounts, ",\"options\":[\"bind\",\"nosuid\",\"nodev\",%s]}", options);
}

/*
 * The asset store keeps files that only the agent can read; what guards them is its directory,
 * 0700. The job is another user and sees the very file, so it must be able to read it.
 */
static int open_to_job(const char *path, mode_t mode, char real[PATH_MAX], cocos_error **err)
{
    struct stat st;
    COCOS__CLEANUP(cocos__closep)
    int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);

    if (fd < 0 || !realpath(path, real))
        return cocos__fail_errno(err, errno, "io.open", "cannot open %s", path);
    if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
        return cocos__fail(err, COCOS_ERR_USAGE, "job.asset", "%s is not a regular file", path);
    if ((st.st_mode & 07777) != mode && fchmod(fd, mode) < 0)
        return cocos__fail_errno(err, errno, "job.asset", "cannot give the job access to %s", path);
    return COCOS_OK;
}

static int unpack(const cocos__job_dataset *d, const char *datasets, cocos_error **err)
{
    cocos__unzip_limits limits = {0, UINT64_MAX, UNPACKED_ENTRIES, 0};

    int r = cocos__free_space(datasets, &limits.total, err);
    if (r < 0)
        return r;
    COCOS__CLEANUP(cocos__closep) int fd = open(d->path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    COCOS__CLEANUP(cocos__closep) int dir = open(datasets, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 || dir < 0)
        return cocos__fail_errno(err, errno, "io.open", "cannot open %s", d->path);
    return cocos__unzip(fd, dir, &limits, err);
}

static int is_component(const char *name)
{
    size_t len = strlen(name);
    return len > 0 && len <= 255 && !strchr(name, '/') && strcmp(name, ".") != 0 &&
           strcmp(name, "..") != 0;
}

static int add_dataset(cocos__buf *mounts,
                       const cocos__job_dataset *d,
                       const char *datasets,
                       cocos_error **err)
{
    char real[PATH_MAX];

    if (!is_component(d->name))
        return cocos__fail(err, COCOS_ERR_USAGE, "job.asset", "a data set's name is no file name");
    if (d->decompress)
        return unpack(d, datasets, err);

    int r = make_file(datasets, d->name, "", err);
    if (r == COCOS_OK)
        r = open_to_job(d->path, 0444, real, err);
    if (r == COCOS_OK)
        add_bind(mounts, real, "/cocos/datasets", d->name, "\"ro\"");
    return r;
}

/* Data sets in one directory, which is mounted read-only; single files are mounted over their
 * names. */
static int add_datasets(cocos__buf *mounts,
                        const cocos__job_spec *spec,
                        const char *datasets,
                        cocos_error **err)
{
    int r = COCOS_OK;

    add_bind(mounts, datasets, "/cocos/datasets", "", "\"ro\"");
    for (size_t i = 0; r == COCOS_OK && i < spec->n_datasets; i++)
        r = add_dataset(mounts, &spec->datasets[i], datasets, err);
    return r;
}

static int add_scratch(cocos__buf *mounts, const char *scratch, cocos_error **err)
{
    static const char *const places[][2] = {
        {"results", "/cocos/results"}, {"tmp", "/tmp"}, {"shm", "/dev/shm"}};
    char path[PATH_MAX];
    int r = COCOS_OK;

    for (size_t i = 0; r == COCOS_OK && i < COCOS__ARRAY_LEN(places); i++) {
        r = path_of(path, scratch, places[i][0], err);
        if (r == COCOS_OK)
            add_bind(mounts, path, places[i][1], "", "\"rw\"");
    }
    return r;
}

static int make_rootfs(const char *bundle, char rootfs[PATH_MAX], cocos_error **err)
{
    static const char *const dirs[] = {"proc",           "dev",          "tmp", "etc", "cocos",
                                       "cocos/datasets", "cocos/results"};
    char path[PATH_MAX];

    int r = make_dir(bundle, "rootfs", rootfs, err);
    for (size_t i = 0; r == COCOS_OK && i < COCOS__ARRAY_LEN(dirs); i++)
        r = make_dir(rootfs, dirs[i], path, err);
    if (r == COCOS_OK)
        r = make_file(rootfs, "cocos/algo", "", err);
    if (r == COCOS_OK)
        r = make_file(rootfs, "etc/passwd", "cocos:x:64000:64000:job:/cocos:/bin/sh\n", err);
    if (r == COCOS_OK)
        r = make_file(rootfs, "etc/group", "cocos:x:64000:\n", err);
    return r;
}

static int add_mounts(cocos__buf *mounts,
                      const cocos__job_spec *spec,
                      const cocos__job_bundle *b,
                      cocos_error **err)
{
    char rootfs[PATH_MAX];
    char path[PATH_MAX];

    int r = make_rootfs(b->bundle, rootfs, err);
    cocos__buf_add_str(mounts, "{\"destination\":\"/proc\",\"type\":\"proc\",\"source\":\"proc\","
                               "\"options\":[\"nosuid\",\"noexec\",\"nodev\",\"hidepid=2\"]},"
                               "{\"destination\":\"/dev\",\"type\":\"tmpfs\",\"source\":\"tmpfs\","
                               "\"options\":[\"nosuid\",\"noexec\",\"mode=755\",\"size=64k\"]}");
    for (size_t i = 0; r == COCOS_OK && i < COCOS__ARRAY_LEN(system_dirs); i++)
        r = add_system_dir(mounts, rootfs, system_dirs[i], err);
    if (r == COCOS_OK)
        r = add_scratch(mounts, b->scratch, err);
    if (r == COCOS_OK)
        r = make_dir(b->bundle, "datasets", path, err);
    if (r == COCOS_OK)
        r = add_datasets(mounts, spec, path, err);
    if (r == COCOS_OK)
        r = open_to_job(spec->algorithm, 0555, path, err);
    if (r == COCOS_OK)
        add_bind(mounts, path, "/cocos/algo", "", "\"ro\"");
    return r;
}

static void add_rlimit(cocos__buf *c, const char *name, int resource, uint64_t value)
{
    struct rlimit now = {RLIM_INFINITY, RLIM_INFINITY};

    (void)getrlimit((__rlimit_resource_t)resource, &now);
    if (value > now.rlim_max) /* raising it may be refused */
        value = now.rlim_max;
    cocos__buf_printf(c, "{\"type\":\"%s\",\"soft\":%llu,\"hard\":%llu},", name,
                      (unsigned long long)value, (unsigned long long)value);
}

/*
 * The control group is what limits a job. Where there is none (spec->unlimited), the limits on
 * processes and memory are a best effort: the latter holds for each process alone.
 */
static void add_rlimits(cocos__buf *c, const cocos__job_spec *spec, int limited)
{
    cocos__buf_add_str(c, ",\"rlimits\":[");
    add_rlimit(c, "RLIMIT_NOFILE", RLIMIT_NOFILE, FILES_OPEN);
    if (!limited) {
        add_rlimit(c, "RLIMIT_NPROC", RLIMIT_NPROC, spec->processes);
        add_rlimit(c, "RLIMIT_DATA", RLIMIT_DATA, spec->memory);
    }
    cocos__buf_add_str(c, "{\"type\":\"RLIMIT_CORE\",\"soft\":0,\"hard\":0}]");
}

static void add_process(cocos__buf *c, const cocos__job_spec *spec, int limited)
{
    cocos__buf_printf(
        c,
        "\"process\":{\"terminal\":false,\"user\":{\"uid\":%d,\"gid\":%d,\"umask\":18},"
        "\"cwd\":\"/cocos\",\"noNewPrivileges\":true,\"capabilities\":{},"
        "\"oomScoreAdj\":500,\"env\":[\"PATH=/usr/local/bin:/usr/bin:/bin\","
        "\"HOME=/cocos\",\"TMPDIR=/tmp\",\"LANG=C.UTF-8\","
        "\"COCOS_DATASETS=/cocos/datasets\",\"COCOS_RESULTS=/cocos/results\"],"
        "\"args\":[\"/cocos/algo\"",
        COCOS__JOB_UID, COCOS__JOB_UID);
    for (size_t i = 0; i < spec->n_args; i++) {
        cocos__buf_add_u8(c, ',');
        add_json(c, spec->args[i]);
    }
    cocos__buf_add_u8(c, ']');
    add_rlimits(c, spec, limited);
    cocos__buf_add_str(c, "},");
}

/*
 * The job is the first process of its pid namespace, so what it has started ends with it. Around it
 * is the namespace that job_spawn.c made, whose first process is the runtime.
 */
static void add_linux(cocos__buf *c)
{
    cocos__buf_add_str(
        c,
        "\"linux\":{\"namespaces\":[{\"type\":\"pid\"},{\"type\":\"mount\"},{\"type\":\"ipc\"},{\"type\":\"uts\"},"
        "{\"type\":\"network\"},{\"type\":\"cgroup\"}],"
        "\"maskedPaths\":[\"/proc/acpi\",\"/proc/asound\",\"/proc/kcore\",\"/proc/keys\","
        "\"/proc/latency_stats\",\"/proc/sched_debug\",\"/proc/scsi\",\"/proc/timer_list\","
        "\"/proc/timer_stats\",\"/proc/cmdline\",\"/proc/interrupts\",\"/proc/kmsg\"],"
        "\"readonlyPaths\":[\"/proc/bus\",\"/proc/fs\",\"/proc/irq\",\"/proc/sys\","
        "\"/proc/sysrq-trigger\"],\"seccomp\":");
    cocos__job_seccomp_json(c);
    cocos__buf_add_u8(c, '}');
}

static int write_config(const cocos__job_spec *spec,
                        int limited,
                        const cocos__job_bundle *b,
                        cocos_error **err)
{
    cocos__buf c;
    char path[PATH_MAX];

    cocos__buf_init(&c, CONFIG_MAX);
    cocos__buf_add_str(&c, "{\"ociVersion\":\"1.0.0\",\"hostname\":\"cocos\","
                           "\"root\":{\"path\":\"rootfs\",\"readonly\":true},\"mounts\":[");
    int r = add_mounts(&c, spec, b, err);
    cocos__buf_add_str(&c, "],");
    add_process(&c, spec, limited);
    add_linux(&c);
    cocos__buf_add_u8(&c, '}');
    if (r == COCOS_OK && c.failed)
        r = cocos__fail(err, COCOS_ERR_EXHAUSTED, "job.asset",
                        "arguments and data sets make a configuration of more than %u bytes",
                        CONFIG_MAX);
    if (r == COCOS_OK)
        r = path_of(path, b->bundle, "config.json", err);
    if (r == COCOS_OK)
        r = make_file(b->bundle, "config.json", cocos__buf_cstr(&c), err);
    cocos__buf_done(&c);
    return r;
}

/* The directory itself is 0700: what is readable for the job's user in it is reached by mounts
 * only. */
int cocos__job_bundle_make(const cocos__job_spec *spec,
                           int limited,
                           cocos__job_bundle *b,
                           cocos_error **err)
{
    if (mkdir(spec->dir, 0700) < 0)
        return cocos__fail_errno(err, errno, "io.mkdir", "cannot make the job's directory %s",
                                 spec->dir);
    if (!realpath(spec->dir, b->dir))
        return cocos__fail_errno(err, errno, "io.mkdir", "cannot find the job's directory %s",
                                 spec->dir);

    int r = make_dir(b->dir, "bundle", b->bundle, err);
    if (r == COCOS_OK)
        r = make_dir(b->dir, "scratch", b->scratch, err);
    if (r == COCOS_OK)
        r = make_dir(b->dir, "state", b->state, err);
    if (r == COCOS_OK)
        r = make_dir(b->dir, "world", b->world, err);
    if (r == COCOS_OK)
        r = path_of(b->log, b->dir, "runtime.log", err);
    if (r == COCOS_OK)
        r = path_of(b->pid_file, b->dir, "runtime.pid", err);
    return r < 0 ? r : write_config(spec, limited, b, err);
}
