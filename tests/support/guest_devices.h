/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COCOS_TESTS_GUEST_DEVICES_H
#define COCOS_TESTS_GUEST_DEVICES_H

/*
 * The kernel interfaces of a confidential guest, as a file system in user space (FUSE, spoken
 * directly): DIR/tsm is configfs-tsm with its attributes, generations and errors, DIR/sev-guest and
 * DIR/tdx_guest are the devices with their ioctls. So what is tested makes the system calls that it
 * makes in a guest. Reports are those of the simulator. The mount is seen by the test's process
 * only and ends with it.
 *
 * Modelled on Linux 6.11, drivers/virt/coco/tsm.c and sev-guest.c: what a write or a read of each
 * attribute does, when EINVAL and EBUSY come, that binary attributes count when they are closed.
 */

#include <errno.h>
#include <fcntl.h>
#include <linux/fuse.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/uio.h>
#include <sys/wait.h>

#include "crypto/digest.h"
#include "evidence/provider.h"
#include "evidence_session.h"
#include "scratch.h"

/* In the process of the file system, where Check's assertions may not be used. */
#define GUEST_NEED(x)                                                                              \
    do {                                                                                           \
        if (!(x)) {                                                                                \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #x);                                \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

enum guest_kind {
    GUEST_SNP = 1,
    GUEST_TDX = 2,
    GUEST_NOTHING = 3 /* configfs-tsm without driver */
};

enum guest_fault {
    GUEST_GOOD,
    GUEST_HOLD,        /* a report takes until the fault changes */
    GUEST_BUSY,        /* EBUSY, until `faults_left` is used up */
    GUEST_BROKEN,      /* EIO */
    GUEST_OTHER_DATA,  /* a report for other data */
    GUEST_SHORT,       /* a report without its last byte */
    GUEST_SECOND_HAND, /* somebody else writes into each entry, until `faults_left` is used up */
    GUEST_FIRMWARE     /* devices: the firmware's status is an error */
};

#define GUEST_ENTRIES 8
#define GUEST_CERTS   0x4000
#define GUEST_LARGE   65536

typedef struct guest_blob {
    uint8_t data[GUEST_LARGE];
    size_t len;
} guest_blob;

typedef struct guest_entry {
    char name[64];
    uint64_t written; /* write_generation */
    uint64_t made;    /* read_generation: of the blobs */
    uint32_t level;
    int by_svsm;
    int by_others; /* somebody else wrote into it */
    guest_blob in, coming, out, aux, manifest;
} guest_entry;

typedef struct guest {
    scratch dir;
    int fuse;
    pid_t server;
    int kind;
    int floor;      /* lowest VMPL */
    int svsm;       /* 1: there is an SVSM */
    int certs;      /* 0: the host gives none */
    int old_length; /* 1: EIO instead of ENOSPC for too little room, as before Linux 6.3 */
    atomic_int fault;
    atomic_int faults_left;
    atomic_int reports; /* that were made */
    atomic_int asked;   /* that were begun */
    atomic_int entries; /* that were ever there */
    uint8_t last_data[64];
    guest_entry entry[GUEST_ENTRIES];
} guest;

/* ---- nodes: 1 root, 2 tsm, 3 sev-guest, 4 tdx_guest, 16 + 16 * entry [+ attribute + 1] ---- */

enum guest_attribute {
    ATTR_GENERATION,
    ATTR_PROVIDER,
    ATTR_INBLOB,
    ATTR_OUTBLOB,
    ATTR_AUXBLOB,
    ATTR_PRIVLEVEL,
    ATTR_PRIVLEVEL_FLOOR,
    ATTR_SERVICE_PROVIDER,
    ATTR_SERVICE_GUID,
    ATTR_SERVICE_VERSION,
    ATTR_MANIFEST,
    ATTR_COUNT
};

static const char *const guest_names[] = {"generation",      "provider",
                                          "inblob",          "outblob",
                                          "auxblob",         "privlevel",
                                          "privlevel_floor", "service_provider",
                                          "service_guid",    "service_manifest_version",
                                          "manifestblob"};

#define NODE_TSM     2
#define NODE_SEV     3
#define NODE_TDX     4
#define NODE_ENTRIES 16

/* What sev-guest and tdx-guest let be seen. */
static inline int guest_visible(const guest *g, int attribute)
{
    if (attribute == ATTR_AUXBLOB || attribute == ATTR_PRIVLEVEL ||
        attribute == ATTR_PRIVLEVEL_FLOOR)
        return g->kind == GUEST_SNP;
    return attribute < ATTR_SERVICE_PROVIDER || (g->kind == GUEST_SNP && g->svsm);
}

static inline guest_entry *guest_entry_of(guest *g, uint64_t node)
{
    uint64_t i = (node - NODE_ENTRIES) / 16;

    return node >= NODE_ENTRIES && i < GUEST_ENTRIES && *g->entry[i].name ? &g->entry[i] : NULL;
}

static inline int guest_attribute_of(uint64_t node)
{
    return node >= NODE_ENTRIES ? (int)((node - NODE_ENTRIES) % 16) - 1 : -1;
}

static inline int guest_is_dir(uint64_t node)
{
    return node <= NODE_TSM || (node >= NODE_ENTRIES && guest_attribute_of(node) < 0);
}

/* ---- the hardware ---- */

static inline int guest_wait(guest *g)
{
    atomic_fetch_add(&g->asked, 1);
    while (atomic_load(&g->fault) == GUEST_HOLD)
        poll(NULL, 0, 2);
    if (atomic_load(&g->fault) == GUEST_BUSY && atomic_fetch_sub(&g->faults_left, 1) > 0)
        return -EBUSY;
    return atomic_load(&g->fault) == GUEST_BROKEN ? -EIO : 0;
}

/* A report or quote of the simulator for this data, and the certificates. */
static inline void guest_make(
    guest *g, int kind, const uint8_t *data, uint32_t level, guest_blob *out, guest_blob *certs)
{
    const cocos__provider *p =
        kind == GUEST_SNP ? &cocos__provider_sim_snp : &cocos__provider_sim_tdx;
    cocos__evidence_config c = {.simulator = (char *)session_simulator(), .vmpl = (int)level};
    cocos__ask ask = {.n = 0};
    cocos__buf how;
    void *state = NULL;

    memcpy(ask.report_data, data, 64);
    if (atomic_load(&g->fault) == GUEST_OTHER_DATA)
        ask.report_data[63] ^= 1;
    memcpy(g->last_data, data, 64);
    cocos__buf_init(&how, 8192);
    GUEST_NEED(p->open(&c, &state, &how, NULL) == COCOS_OK);
    GUEST_NEED(p->collect(state, &ask, NULL) == COCOS_OK);
    out->len = ask.part[0].data.len;
    memcpy(out->data, ask.part[0].data.data, out->len);
    certs->len = 0;
    if (ask.n > 1 && g->certs) {
        certs->len = ask.part[1].data.len;
        memcpy(certs->data, ask.part[1].data.data, certs->len);
    }
    p->close(state);
    cocos__ask_done(&ask);
    cocos__buf_done(&how);
    if (atomic_load(&g->fault) == GUEST_SHORT)
        out->len--;
    atomic_fetch_add(&g->reports, 1);
}

/* ---- configfs-tsm ---- */

/* tsm_report_read(): the blobs are made anew when something was written since. */
static inline int guest_generate(guest *g, guest_entry *e)
{
    uint8_t data[64] = {0};

    if (e->in.len == 0)
        return -EINVAL;
    if (e->out.len && e->made == e->written)
        return 0;
    int r = guest_wait(g);
    if (r < 0)
        return r;
    memcpy(data, e->in.data, e->in.len);
    e->manifest.len = 0;
    if (e->by_svsm) {
        uint8_t bound[64 + 100];
        e->manifest.len = 100;
        memset(e->manifest.data, 0x5a, 100);
        memcpy(bound, data, 64);
        memcpy(bound + 64, e->manifest.data, 100);
        GUEST_NEED(cocos__digest(COCOS__SHA512, bound, sizeof bound, data, NULL) == COCOS_OK);
    }
    guest_make(g, g->kind, data, e->by_svsm ? 0 : e->level, &e->out, &e->aux);
    e->made = e->written;
    if (atomic_load(&g->fault) == GUEST_SECOND_HAND && !e->by_others &&
        atomic_fetch_sub(&g->faults_left, 1) > 0) {
        e->by_others = 1;
        e->written++;
    }
    return 0;
}

/* The text or blob of an attribute; a negative errno. */
static inline int
guest_show(guest *g, guest_entry *e, int attribute, const uint8_t **data, size_t *len)
{
    static char text[64];
    guest_blob *blob = attribute == ATTR_OUTBLOB   ? &e->out
                       : attribute == ATTR_AUXBLOB ? &e->aux
                                                   : &e->manifest;

    switch (attribute) {
    case ATTR_GENERATION:
        snprintf(text, sizeof text, "%llu\n", (unsigned long long)e->written);
        break;
    case ATTR_PROVIDER:
        snprintf(text, sizeof text, "%s\n", g->kind == GUEST_SNP ? "sev_guest" : "tdx_guest");
        break;
    case ATTR_PRIVLEVEL_FLOOR:
        snprintf(text, sizeof text, "%d\n", g->floor);
        break;
    case ATTR_OUTBLOB:
    case ATTR_AUXBLOB:
    case ATTR_MANIFEST: {
        int r = guest_generate(g, e);
        *data = blob->data;
        *len = blob->len;
        return r;
    }
    default:
        return -EACCES; /* write only */
    }
    *data = (const uint8_t *)text;
    *len = strlen(text);
    return 0;
}

/* try_advance_write_generation() */
static inline int guest_advance(guest_entry *e)
{
    if (e->written == e->made - 1)
        return -EBUSY;
    e->written++;
    return 0;
}

static inline int guest_store_text(guest *g, guest_entry *e, int attribute, const char *text)
{
    char *end = NULL;
    unsigned long v = strtoul(text, &end, 0);

    if (attribute == ATTR_PRIVLEVEL) {
        if (end == text || v > 3 || v < (unsigned long)g->floor)
            return -EINVAL;
        e->level = (uint32_t)v;
    } else if (attribute == ATTR_SERVICE_PROVIDER) {
        if (strcmp(text, "svsm") != 0)
            return -EINVAL;
        e->by_svsm = 1;
    } else if (attribute != ATTR_SERVICE_GUID && attribute != ATTR_SERVICE_VERSION)
        return -EACCES;
    return guest_advance(e);
}

static inline int
guest_write(guest *g, uint64_t node, uint64_t offset, const uint8_t *data, size_t len)
{
    guest_entry *e = guest_entry_of(g, node);
    int attribute = guest_attribute_of(node);
    char text[64] = {0};

    if (!e)
        return -ENOENT;
    if (attribute == ATTR_INBLOB) {
        if (offset + len > 64)
            return -EFBIG;
        memcpy(e->coming.data + offset, data, len);
        e->coming.len = offset + len;
        return 0;
    }
    if (len >= sizeof text)
        return -EINVAL;
    memcpy(text, data, len);
    text[strcspn(text, "\n")] = '\0';
    return guest_store_text(g, e, attribute, text);
}

/* A binary attribute is taken when it is closed; nobody hears of it when it is not. */
static inline void guest_release(guest *g, uint64_t node)
{
    guest_entry *e = guest_entry_of(g, node);

    if (!e || guest_attribute_of(node) != ATTR_INBLOB || e->coming.len == 0)
        return;
    if (guest_advance(e) == 0)
        e->in = e->coming;
    e->coming.len = 0;
}

static inline int guest_mkdir(guest *g, const char *name, uint64_t *node)
{
    if (g->kind == GUEST_NOTHING)
        return -ENXIO;
    for (size_t i = 0; i < GUEST_ENTRIES; i++) {
        if (*g->entry[i].name)
            continue;
        memset(&g->entry[i], 0, sizeof g->entry[i]);
        snprintf(g->entry[i].name, sizeof g->entry[i].name, "%s", name);
        g->entry[i].level = (uint32_t)g->floor;
        *node = NODE_ENTRIES + 16 * i;
        atomic_fetch_add(&g->entries, 1);
        return 0;
    }
    return -ENOSPC;
}

static inline int guest_rmdir(guest *g, const char *name)
{
    for (size_t i = 0; i < GUEST_ENTRIES; i++) {
        if (strcmp(g->entry[i].name, name) == 0) {
            *g->entry[i].name = '\0';
            return 0;
        }
    }
    return -ENOENT;
}

static inline int guest_open_entries(const guest *g)
{
    int n = 0;

    for (size_t i = 0; i < GUEST_ENTRIES; i++)
        n += *g->entry[i].name != '\0';
    return n;
}

/* ---- devices ---- */

static inline int guest_copy(pid_t pid, uint64_t address, void *data, size_t len, int in)
{
    struct iovec here = {data, len};
    struct iovec there = {(void *)(uintptr_t)address, len};
    ssize_t n = in ? process_vm_readv(pid, &here, 1, &there, 1, 0)
                   : process_vm_writev(pid, &here, 1, &there, 1, 0);

    return n == (ssize_t)len ? 0 : -EFAULT;
}

/* struct snp_guest_request_ioctl: version at 0, request 8, response 16, errors 24. */
static inline int guest_sev_ioctl(guest *g, pid_t pid, uint8_t arg[32])
{
    uint8_t request[112];
    uint8_t response[4000] = {0};
    guest_blob *report = calloc(2, sizeof *report);
    guest_blob *certs = report + 1;
    uint32_t room;

    int r = guest_copy(pid, cocos__u64le(arg + 8), request, sizeof request, 1);
    if (r == 0 && arg[0] != 1)
        r = -EINVAL;
    if (r == 0)
        r = guest_wait(g);
    if (r == -EBUSY) {
        cocos__put_u32le(arg + 28, 2); /* the host asks for patience */
        r = -EAGAIN;
    }
    if (r == -EIO)
        cocos__put_u32le(arg + 24, 0x1f);
    if (r < 0)
        goto out;
    uint32_t level = cocos__u32le(request + 64);
    guest_make(g, GUEST_SNP, request, level, report, certs);
    room = cocos__u32le(request + 104);
    if (room < certs->len) {
        cocos__put_u32le(arg + 28, 1);
        cocos__put_u32le(request + 104, GUEST_CERTS);
        r = guest_copy(pid, cocos__u64le(arg + 8), request, sizeof request, 0);
        r = r < 0 ? r : g->old_length ? -EIO : -ENOSPC;
        goto out;
    }
    if (room)
        r = guest_copy(pid, cocos__u64le(request + 96), certs->data, room, 0);
    if (atomic_load(&g->fault) == GUEST_FIRMWARE)
        cocos__put_u32le(response, 0x27);
    else if (level < (uint32_t)g->floor)
        cocos__put_u32le(response, 0x16);
    else {
        cocos__put_u32le(response + 4, (uint32_t)report->len);
        memcpy(response + 32, report->data, report->len);
    }
    if (r == 0)
        r = guest_copy(pid, cocos__u64le(arg + 16), response, sizeof response, 0);
out:
    free(report);
    return r;
}

/* ---- FUSE ---- */

static inline void
guest_reply(guest *g, const struct fuse_in_header *in, int error, const void *data, size_t len)
{
    struct fuse_out_header out = {.unique = in->unique, .error = error};
    struct iovec parts[] = {{&out, sizeof out}, {(void *)(uintptr_t)data, error ? 0 : len}};

    out.len = (uint32_t)(sizeof out + parts[1].iov_len);
    /* A request whose caller was killed is gone: ENOENT. */
    GUEST_NEED(writev(g->fuse, parts, 2) >= 0 || errno == ENOENT || errno == ENODEV);
}

static inline struct fuse_attr guest_attr(uint64_t node)
{
    return (struct fuse_attr){.ino = node,
                              .mode = guest_is_dir(node) ? S_IFDIR | 0755 : S_IFREG | 0600,
                              .nlink = 1,
                              .size = guest_is_dir(node) ? 0 : 4096};
}

static inline int guest_lookup(guest *g, uint64_t parent, const char *name, uint64_t *node)
{
    static const char *const top[] = {"tsm", "sev-guest", "tdx_guest"};

    int absent = g->kind == GUEST_SNP ? 2 : g->kind == GUEST_TDX ? 1 : -1; /* the other's device */

    for (uint64_t i = 0; parent == FUSE_ROOT_ID && i < 3; i++) {
        if ((int)i != absent && strcmp(name, top[i]) == 0)
            return *node = NODE_TSM + i, 0;
    }
    for (uint64_t i = 0; parent == NODE_TSM && i < GUEST_ENTRIES; i++) {
        if (*name && strcmp(name, g->entry[i].name) == 0)
            return *node = NODE_ENTRIES + 16 * i, 0;
    }
    for (uint64_t i = 0; guest_entry_of(g, parent) && i < ATTR_COUNT; i++) {
        if (strcmp(name, guest_names[i]) == 0 && guest_visible(g, (int)i))
            return *node = parent + 1 + i, 0;
    }
    return -ENOENT;
}

static inline void
guest_reply_node(guest *g, const struct fuse_in_header *in, int error, uint64_t node)
{
    struct fuse_entry_out out = {.nodeid = node, .attr = guest_attr(node)};

    guest_reply(g, in, error, &out, sizeof out);
}

static inline void
guest_reply_read(guest *g, const struct fuse_in_header *in, const struct fuse_read_in *want)
{
    guest_entry *e = guest_entry_of(g, in->nodeid);
    const uint8_t *data = NULL;
    size_t len = 0;
    int r = e ? guest_show(g, e, guest_attribute_of(in->nodeid), &data, &len) : -EINVAL;
    size_t at = want->offset < len ? want->offset : len;

    guest_reply(g, in, r, data + (r ? 0 : at), len - at < want->size ? len - at : want->size);
}

static inline void
guest_reply_ioctl(guest *g, const struct fuse_in_header *in, const struct fuse_ioctl_in *i)
{
    struct {
        struct fuse_ioctl_out head;
        uint8_t arg[32];
    } out = {.head = {0}};
    int r = -ENOTTY;

    if (in->nodeid == NODE_SEV && i->cmd == _IOWR('S', 2, uint8_t[32]) && i->in_size == 32) {
        memcpy(out.arg, i + 1, 32);
        r = guest_sev_ioctl(g, (pid_t)in->pid, out.arg);
    }
    /* Errors of a driver travel as its result, so that what it wrote into the argument does too. */
    out.head.result = r;
    guest_reply(g, in, 0, &out, sizeof out);
}

static inline void
guest_reply_init(guest *g, const struct fuse_in_header *in, const struct fuse_init_in *i)
{
    struct fuse_init_out out = {
        .major = FUSE_KERNEL_VERSION,
        .minor = i->minor < FUSE_KERNEL_MINOR_VERSION ? i->minor : FUSE_KERNEL_MINOR_VERSION,
        .max_write = 65536};

    guest_reply(g, in, 0, &out, sizeof out);
}

static inline void guest_serve(guest *g, const struct fuse_in_header *in)
{
    const void *arg = in + 1;
    struct fuse_open_out opened = {.open_flags = FOPEN_DIRECT_IO};
    struct fuse_attr_out attr = {.attr = guest_attr(in->nodeid)};
    const struct fuse_write_in *w = arg;
    struct fuse_write_out written = {.size = w->size};
    uint64_t node = 0;
    int r;

    switch (in->opcode) {
    case FUSE_INIT:
        guest_reply_init(g, in, arg);
        break;
    case FUSE_LOOKUP:
        r = guest_lookup(g, in->nodeid, arg, &node);
        guest_reply_node(g, in, r, node);
        break;
    case FUSE_MKDIR:
        r = in->nodeid == NODE_TSM
                ? guest_mkdir(g, (const char *)arg + sizeof(struct fuse_mkdir_in), &node)
                : -EPERM;
        guest_reply_node(g, in, r, node);
        break;
    case FUSE_RMDIR:
        guest_reply(g, in, in->nodeid == NODE_TSM ? guest_rmdir(g, arg) : -EPERM, NULL, 0);
        break;
    case FUSE_GETATTR:
    case FUSE_SETATTR:
        guest_reply(g, in, 0, &attr, sizeof attr);
        break;
    case FUSE_OPEN:
    case FUSE_OPENDIR:
        guest_reply(g, in, 0, &opened, sizeof opened);
        break;
    case FUSE_READ:
        guest_reply_read(g, in, arg);
        break;
    case FUSE_WRITE:
        r = guest_write(g, in->nodeid, w->offset, (const uint8_t *)(w + 1), w->size);
        guest_reply(g, in, r, &written, sizeof written);
        break;
    case FUSE_FLUSH: /* close() waits for this one, not for RELEASE */
        guest_release(g, in->nodeid);
        guest_reply(g, in, 0, NULL, 0);
        break;
    case FUSE_RELEASE:
    case FUSE_RELEASEDIR:
    case FUSE_ACCESS:
        guest_reply(g, in, 0, NULL, 0);
        break;
    case FUSE_IOCTL:
        guest_reply_ioctl(g, in, arg);
        break;
    case FUSE_FORGET:
    case FUSE_BATCH_FORGET:
    case FUSE_INTERRUPT:
        break; /* no answer is expected */
    default:
        guest_reply(g, in, -ENOSYS, NULL, 0);
    }
}

static inline void guest_main(guest *g)
{
    size_t size = 1 << 18;
    struct fuse_in_header *in = calloc(1, size);

    for (;;) {
        ssize_t n = read(g->fuse, in, size);
        if (n < 0 && (errno == EINTR || errno == ENOENT || errno == EAGAIN))
            continue;
        if (n < (ssize_t)sizeof *in)
            break; /* ENODEV: unmounted */
        guest_serve(g, in);
    }
    free(in);
}

/* ---- mounting ---- */

static inline void guest_write_proc(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC);

    if (fd >= 0 && write(fd, text, strlen(text)) < 0)
        ck_assert_int_ne(errno, EBADF);
    if (fd >= 0)
        close(fd);
}

/* A mount namespace of this process's own; without privileges in a user namespace, which Linux
 * lets mount FUSE. 0 when it cannot be had. */
static inline int guest_namespace(void)
{
    char map[2][64];

    snprintf(map[0], sizeof map[0], "0 %u 1", getuid());
    snprintf(map[1], sizeof map[1], "0 %u 1", getgid());
    if (unshare(CLONE_NEWNS) < 0) {
        if (unshare(CLONE_NEWUSER | CLONE_NEWNS) < 0)
            return 0;
        guest_write_proc("/proc/self/setgroups", "deny");
        guest_write_proc("/proc/self/uid_map", map[0]);
        guest_write_proc("/proc/self/gid_map", map[1]);
    }
    return mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0;
}

/* 0 when nobody may mount here. */
static inline int guest_mount(guest *g)
{
    char options[64];

    if (!guest_namespace())
        return 0;
    g->fuse = open("/dev/fuse", O_RDWR | O_CLOEXEC);
    if (g->fuse < 0)
        return 0;
    snprintf(options, sizeof options, "fd=%d,rootmode=40000,user_id=0,group_id=0", g->fuse);
    return mount("cocos-test", g->dir.path, "fuse", MS_NOSUID | MS_NODEV, options) == 0;
}

/* What is shared with the server may be changed by the test at any time. */
static inline guest *guest_start(int kind)
{
    guest *g = mmap(NULL, sizeof *g, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    ck_assert_ptr_ne(g, MAP_FAILED);
    g->dir = scratch_new();
    g->kind = kind;
    g->certs = 1;
    ck_assert_msg(guest_mount(g), "cannot mount: %s", strerror(errno));
    pid_t server = fork();
    ck_assert_int_ge(server, 0);
    if (server == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        guest_main(g);
        _exit(0);
    }
    g->server = server;
    prctl(PR_SET_PTRACER, server); /* it writes answers of ioctls into our memory */
    close(g->fuse);
    return g;
}

static inline void guest_stop(guest *g)
{
    int status = 1;

    atomic_store(&g->fault, GUEST_GOOD);
    close(g->dir.fd);
    ck_assert_int_eq(umount2(g->dir.path, MNT_DETACH), 0);
    ck_assert_int_eq(waitpid(g->server, &status, 0), g->server);
    ck_assert_int_eq(status, 0);
    ck_assert_int_eq(rmdir(g->dir.path), 0);
    munmap(g, sizeof *g);
}

/* In a process of its own, since namespaces cannot be left. */
static inline int guest_can_mount(void)
{
    pid_t pid = fork();
    int status = 1;

    if (pid == 0) {
        guest g = {.dir = {"/tmp", -1}};
        _exit(guest_mount(&g) ? 0 : 1);
    }
    return pid > 0 && waitpid(pid, &status, 0) == pid && status == 0;
}

#endif
