/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/queue.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "agent/checksum.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/thread.h"

#define MAGIC       "cocosq1\n"
#define HEADER_SIZE 40 /* magic 8, head 8, next 8, lost 8, crc 4, zero 4 */
#define RECORD_HEAD 16

typedef struct message {
    struct message *next;
    uint64_t sequence;
    size_t len;
    uint8_t data[];
} message;

struct cocos__queue {
    pthread_mutex_t lock;
    int fd;
    size_t max_bytes;
    void (*on_push)(void *user);
    void *user;
    /* Oldest first. */
    message *first;
    message **last;
    size_t count;
    size_t bytes; /* records, as they would stand in the file */
    uint64_t next;
    uint64_t lost;
    /* The copy on disk: records from head to tail, all of the list unless `behind`. */
    uint64_t head;
    uint64_t tail;
    int behind;
};

static size_t record_size(const message *m)
{
    return RECORD_HEAD + m->len;
}

static uint32_t record_crc(uint64_t sequence, const uint8_t *data, size_t len)
{
    uint8_t head[12];

    cocos__put_u32le(head, (uint32_t)len);
    cocos__put_u64le(head + 4, sequence);
    return cocos__crc32(cocos__crc32(0, head, sizeof head), data, len);
}

static int write_at(const cocos__queue *q, const uint8_t *data, size_t n, uint64_t at)
{
    while (n > 0) {
        ssize_t w = pwrite(q->fd, data, n, (off_t)at);
        if (w < 0 && errno == EINTR)
            continue;
        if (w < 0)
            return -1;
        data += w;
        at += (uint64_t)w;
        n -= (size_t)w;
    }
    return 0;
}

static int write_header(cocos__queue *q)
{
    uint8_t h[HEADER_SIZE] = {0};

    memcpy(h, MAGIC, 8);
    cocos__put_u64le(h + 8, q->head);
    cocos__put_u64le(h + 16, q->next);
    cocos__put_u64le(h + 24, q->lost);
    cocos__put_u32le(h + 32, cocos__crc32(0, h, 32));
    return write_at(q, h, sizeof h, 0);
}

static int write_record(cocos__queue *q, const message *m)
{
    uint8_t buf[RECORD_HEAD + COCOS__QUEUE_MESSAGE_MAX];

    cocos__put_u32le(buf, (uint32_t)m->len);
    cocos__put_u32le(buf + 4, record_crc(m->sequence, m->data, m->len));
    cocos__put_u64le(buf + 8, m->sequence);
    memcpy(buf + RECORD_HEAD, m->data, m->len);
    if (write_at(q, buf, record_size(m), q->tail) < 0)
        return -1;
    q->tail += record_size(m);
    return 0;
}

/* All of the list from the start of the file. A kill in between leaves a prefix whose checksums
 * hold. */
static int rewrite(cocos__queue *q)
{
    q->head = HEADER_SIZE;
    q->tail = HEADER_SIZE;
    if (ftruncate(q->fd, HEADER_SIZE) < 0 || write_header(q) < 0)
        return -1;
    for (const message *m = q->first; m; m = m->next) {
        if (write_record(q, m) < 0)
            return -1;
    }
    return 0;
}

static void fall_behind(cocos__queue *q)
{
    if (!q->behind)
        cocos__log_fields(COCOS_LOG_WARN, "agent", "events are kept in memory only", "code",
                          "agent.queue.disk", NULL);
    q->behind = 1;
}

/* Brings the copy up to date: only the newest message when nothing else is missing. */
static void save(cocos__queue *q, const message *added)
{
    int wasteful = q->tail - HEADER_SIZE > 2 * q->max_bytes;
    int r;

    if (!q->first || q->behind || wasteful)
        r = rewrite(q);
    else
        r = (added ? write_record(q, added) : 0) < 0 ? -1 : write_header(q);
    if (r < 0)
        fall_behind(q);
    else
        q->behind = 0;
}

static void append(cocos__queue *q, message *m)
{
    *q->last = m;
    q->last = &m->next;
    q->count++;
    q->bytes += record_size(m);
}

static void remove_first(cocos__queue *q)
{
    message *m = q->first;

    q->first = m->next;
    if (!q->first)
        q->last = &q->first;
    q->count--;
    q->bytes -= record_size(m);
    q->head += record_size(m);
    free(m);
}

static message *new_message(uint64_t sequence, const uint8_t *data, size_t len)
{
    message *m = malloc(sizeof *m + len);

    if (m) {
        *m = (message){.sequence = sequence, .len = len};
        if (len)
            memcpy(m->data, data, len);
    }
    return m;
}

/* One record at the reader's place. 0 when it is damaged or the end. */
static int load_record(cocos__queue *q, cocos__reader *r, uint64_t *previous)
{
    uint32_t len = cocos__read_u32le(r);
    uint32_t crc = cocos__read_u32le(r);
    uint64_t sequence = cocos__read_u64le(r);
    const uint8_t *data = len <= COCOS__QUEUE_MESSAGE_MAX ? cocos__read_bytes(r, len) : NULL;

    if (r->failed || !data || sequence <= *previous || sequence == UINT64_MAX ||
        record_crc(sequence, data, len) != crc)
        return 0;
    message *m = new_message(sequence, data, len);
    if (!m)
        return 0;
    *previous = sequence;
    append(q, m);
    return 1;
}

static void load(cocos__queue *q, const uint8_t *data, size_t len)
{
    cocos__reader r;
    uint64_t previous = 0;
    uint64_t head = HEADER_SIZE;

    cocos__reader_init(&r, data, len);
    if (len >= HEADER_SIZE && memcmp(data, MAGIC, 8) == 0 &&
        cocos__u32le(data + 32) == cocos__crc32(0, data, 32)) {
        head = cocos__u64le(data + 8);
        q->next = cocos__u64le(data + 16);
        q->lost = cocos__u64le(data + 24);
    }
    /* With a damaged header every record counts as undelivered: twice is better than never. */
    if (head < HEADER_SIZE || head > len || !cocos__read_bytes(&r, (size_t)head))
        return;
    while (cocos__reader_left(&r) > 0 && load_record(q, &r, &previous))
        continue;
    if (q->next <= previous)
        q->next = previous + 1;
}

int cocos__queue_open(const char *path, size_t max_bytes, cocos__queue **ret, cocos_error **err)
{
    cocos__buf b __attribute__((cleanup(cocos__buf_done)));
    COCOS__CLEANUP(cocos__queue_closep) cocos__queue *q = calloc(1, sizeof *q);

    cocos__buf_init(&b, 4 * COCOS__QUEUE_BYTES_MAX + 8192);
    if (!q)
        return cocos__fail_memory(err);
    pthread_mutex_init(&q->lock, NULL);
    q->last = &q->first;
    q->next = 1;
    q->max_bytes = max_bytes ? max_bytes : COCOS__QUEUE_BYTES_MAX;
    q->fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (q->fd < 0)
        return cocos__fail_errno(err, errno, "io.open", "cannot open the event queue");

    /* A file that is longer than any that we write is none of ours. */
    cocos_error *ignored = NULL;
    if (cocos__read_fd(q->fd, "the event queue", 4 * COCOS__QUEUE_BYTES_MAX, &b, &ignored) ==
        COCOS_OK)
        load(q, b.data, b.len);
    cocos_error_free(ignored);
    if (rewrite(q) < 0)
        fall_behind(q);
    *ret = COCOS__STEAL(q);
    return COCOS_OK;
}

void cocos__queue_close(cocos__queue *q)
{
    if (!q)
        return;
    while (q->first)
        remove_first(q);
    if (q->fd >= 0)
        close(q->fd);
    pthread_mutex_destroy(&q->lock);
    free(q);
}

void cocos__queue_on_push(cocos__queue *q, void (*fn)(void *user), void *user)
{
    COCOS__LOCKED(&q->lock);
    q->on_push = fn;
    q->user = user;
}

uint64_t cocos__queue_next(cocos__queue *q)
{
    COCOS__LOCKED(&q->lock);
    return q->next;
}

struct hook {
    void (*fn)(void *user);
    void *user;
};

static uint64_t push(cocos__queue *q, const void *data, size_t len, struct hook *hook)
{
    COCOS__LOCKED(&q->lock);
    *hook = (struct hook){q->on_push, q->user};
    uint64_t sequence = q->next++;
    message *m = len <= COCOS__QUEUE_MESSAGE_MAX ? new_message(sequence, data, len) : NULL;

    if (!m) {
        q->lost++;
        return sequence;
    }
    append(q, m);
    while (q->bytes > q->max_bytes && q->first != m) {
        remove_first(q);
        q->lost++;
    }
    save(q, m);
    return sequence;
}

uint64_t cocos__queue_push(cocos__queue *q, const void *data, size_t len)
{
    struct hook hook;
    uint64_t sequence = push(q, data, len, &hook);

    if (hook.fn)
        hook.fn(hook.user);
    return sequence;
}

int cocos__queue_peek(cocos__queue *q, cocos__buf *out, uint64_t *sequence, uint64_t *lost)
{
    COCOS__LOCKED(&q->lock);

    if (!q->first)
        return 0;
    cocos__buf_add(out, q->first->data, q->first->len);
    *sequence = q->first->sequence;
    *lost = q->lost;
    return 1;
}

void cocos__queue_drop(cocos__queue *q, uint64_t sequence, uint64_t lost)
{
    COCOS__LOCKED(&q->lock);

    q->lost -= lost < q->lost ? lost : q->lost;
    if (q->first && q->first->sequence == sequence)
        remove_first(q);
    save(q, NULL);
}

size_t cocos__queue_count(cocos__queue *q)
{
    COCOS__LOCKED(&q->lock);
    return q->count;
}
