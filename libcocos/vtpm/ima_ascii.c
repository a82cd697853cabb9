/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ascii_runtime_measurements: "PCR hash template fields…", one entry a line. The kernel writes '_'
 * for blanks in the fields, so a blank always separates. The template's bytes are built again from
 * the text, since only they can be hashed.
 */
#include <string.h>

#include "codec/hex.h"
#include "vtpm/ima.h"
#include "vtpm/ima_fields.h"

#define LINE_MAX 65536

static int bad(const cocos__ima *ima, cocos_error **err, const char *what)
{
    return cocos__fail(err, COCOS_ERR_MALFORMED, "vtpm.ima_format",
                       "IMA list: %s in the line that ends at byte %zu", what, ima->r.pos);
}

/* Up to the next line feed, which is taken too; the last line may lack it. */
static cocos__span take_line(cocos__reader *r)
{
    const uint8_t *from = r->data + r->pos;
    size_t left = cocos__reader_left(r);
    const uint8_t *end = memchr(from, '\n', left);
    size_t n = end ? (size_t)(end - from) : left;

    cocos__span line = cocos__read_span(r, n);
    if (end)
        cocos__read_u8(r);
    return line;
}

/* Up to the next blank, which is taken too. */
static cocos__span take_word(cocos__span *line)
{
    const uint8_t *blank = line->len ? memchr(line->data, ' ', line->len) : NULL;
    size_t n = blank ? (size_t)(blank - line->data) : line->len;
    cocos__span word = {line->data, n};
    size_t used = n + (blank ? 1 : 0);

    line->data += used;
    line->len -= used;
    return word;
}

static int hex(cocos__span text, uint8_t *out, size_t size)
{
    return cocos__hex_decode((const char *)text.data, text.len, out, size, NULL);
}

/* "alg:hex" as "alg:", NUL, digest behind a length. */
static int build_digest(cocos__ima *ima, cocos__span word)
{
    const uint8_t *colon = word.len ? memchr(word.data, ':', word.len) : NULL;
    if (!colon)
        return -1;

    size_t name = (size_t)(colon - word.data);
    cocos__span digits = {colon + 1, word.len - name - 1};
    size_t size = cocos__ima_digest_size(word.data, name);
    if (size == 0 || digits.len != 2 * size)
        return -1;
    cocos__buf_add_u32le(&ima->built, (uint32_t)(name + 2 + size));
    cocos__buf_add(&ima->built, word.data, name + 1);
    cocos__buf_add_u8(&ima->built, 0);
    uint8_t *room = cocos__buf_room(&ima->built, size);
    return room && hex(digits, room, size) == COCOS_OK ? 0 : -1;
}

static void build_path(cocos__ima *ima, cocos__span path)
{
    cocos__buf_add_u32le(&ima->built, (uint32_t)path.len + 1);
    cocos__buf_add(&ima->built, path.data, path.len);
    cocos__buf_add_u8(&ima->built, 0);
}

/* The signature's bytes, none when the field is empty. */
static int build_signature(cocos__ima *ima, cocos__span digits)
{
    if (digits.len % 2)
        return -1;
    cocos__buf_add_u32le(&ima->built, (uint32_t)(digits.len / 2));
    uint8_t *room = cocos__buf_room(&ima->built, digits.len / 2);
    return room && hex(digits, room, digits.len / 2) == COCOS_OK ? 0 : -1;
}

/* Template "ima": digest of 20 bytes, then the name in a field of 256. */
static int build_old(cocos__ima *ima, cocos__span line)
{
    cocos__span digest = take_word(&line);
    uint8_t *room = cocos__buf_room(&ima->built, 20 + COCOS__IMA_OLD_NAME);

    if (!room || line.len == 0 || line.len >= COCOS__IMA_OLD_NAME || hex(digest, room, 20) < 0)
        return -1;
    memset(room + 20, 0, COCOS__IMA_OLD_NAME);
    memcpy(room + 20, line.data, line.len);
    return 0;
}

static int build(cocos__ima *ima, const char *template, cocos__span line)
{
    if (!template)
        return -1;
    if (strcmp(template, "ima") == 0)
        return build_old(ima, line);
    cocos__span digest = take_word(&line);
    cocos__span path = take_word(&line);
    if (build_digest(ima, digest) < 0 || path.len == 0 || memchr(path.data, 0, path.len))
        return -1;
    build_path(ima, path);
    if (strcmp(template, "ima-sig") == 0)
        return build_signature(ima, line);
    return line.len == 0 ? 0 : -1;
}

static int read_pcr(cocos__span word, uint32_t *ret)
{
    *ret = 0;
    if (word.len == 0 || word.len > 2)
        return -1;
    for (size_t i = 0; i < word.len; i++) {
        if (word.data[i] < '0' || word.data[i] > '9')
            return -1;
        *ret = *ret * 10 + (uint32_t)(word.data[i] - '0');
    }
    return 0;
}

int cocos__ima_next_ascii(cocos__ima *ima, cocos__ima_entry *entry, cocos_error **err)
{
    if (cocos__reader_left(&ima->r) == 0)
        return 0;
    cocos__span line = take_line(&ima->r);
    if (line.len > LINE_MAX)
        return bad(ima, err, "too many bytes");
    while (line.len > 0 && line.data[0] == ' ') { /* the kernel pads the PCR to two places */
        line.data++;
        line.len--;
    }

    cocos__span pcr = take_word(&line);
    cocos__span hash = take_word(&line);
    cocos__span name = take_word(&line);
    cocos__buf_reset(&ima->built);
    if (read_pcr(pcr, &entry->pcr) < 0 || hex(hash, entry->hash, sizeof entry->hash) < 0)
        return bad(ima, err, "no PCR and template hash");
    entry->template = cocos__ima_template(name);
    int built = build(ima, entry->template, line);
    if (ima->built.failed)
        return cocos__fail_memory(err);
    if (built < 0)
        return bad(ima, err, "an unknown template, or fields that are not its own");
    entry->data = (cocos__span){ima->built.data, ima->built.len};
    return 1;
}
