/* SPDX-License-Identifier: Apache-2.0 */
/* binary_runtime_measurements, written by a little-endian kernel. */
#include <string.h>

#include "vtpm/ima.h"
#include "vtpm/ima_fields.h"

#define NAME_MAX_LEN 32

static int bad(const cocos__ima *ima, cocos_error **err, const char *what)
{
    return cocos__fail(err, COCOS_ERR_MALFORMED, "vtpm.ima_format",
                       "IMA list: %s near byte %zu of %zu", what, ima->r.pos, ima->r.len);
}

static cocos__span read_field(cocos__reader *r)
{
    return cocos__read_span(r, cocos__read_u32le(r));
}

/* "alg:", NUL, digest of that algorithm's size. */
static int digest_holds(cocos__span d)
{
    const uint8_t *colon = d.len ? memchr(d.data, ':', d.len) : NULL;
    if (!colon)
        return 0;

    size_t name = (size_t)(colon - d.data);
    size_t size = cocos__ima_digest_size(d.data, name);
    return size > 0 && d.len == name + 2 + size && d.data[name + 1] == 0;
}

static int path_holds(cocos__span p)
{
    return p.len > 1 && p.data[p.len - 1] == 0 && !memchr(p.data, 0, p.len - 1);
}

/* The fields of ima-ng and ima-sig fill the template data exactly. */
static int fields_hold(cocos__span data, int with_signature)
{
    cocos__reader r;

    cocos__reader_init(&r, data.data, data.len);
    cocos__span digest = read_field(&r);
    cocos__span path = read_field(&r);
    if (with_signature)
        read_field(&r);
    return !r.failed && cocos__reader_left(&r) == 0 && digest_holds(digest) && path_holds(path);
}

/* Template "ima" has no length of its own; what is hashed holds the name in a field of 256 bytes.
 */
static int read_old(cocos__ima *ima, cocos__ima_entry *entry, cocos_error **err)
{
    const uint8_t *digest = cocos__read_bytes(&ima->r, 20);
    cocos__span name = read_field(&ima->r);
    if (ima->r.failed || name.len == 0 || name.len >= COCOS__IMA_OLD_NAME)
        return bad(ima, err, "an entry of template ima is cut or has a wrong name");

    cocos__buf_reset(&ima->built);
    uint8_t *room = cocos__buf_room(&ima->built, 20 + COCOS__IMA_OLD_NAME);
    if (!room)
        return cocos__fail_memory(err);
    memset(room, 0, 20 + COCOS__IMA_OLD_NAME);
    memcpy(room, digest, 20);
    memcpy(room + 20, name.data, name.len);
    entry->data = (cocos__span){ima->built.data, ima->built.len};
    return 1;
}

int cocos__ima_next_binary(cocos__ima *ima, cocos__ima_entry *entry, cocos_error **err)
{
    cocos__reader *r = &ima->r;

    if (cocos__reader_left(r) == 0)
        return 0;
    entry->pcr = cocos__read_u32le(r);
    cocos__read_copy(r, entry->hash, sizeof entry->hash);
    uint32_t name_len = cocos__read_u32le(r);
    if (r->failed || name_len > NAME_MAX_LEN || entry->pcr >= COCOS__PCRS)
        return bad(ima, err, "an entry is cut, or has no PCR and template name");
    entry->template = cocos__ima_template(cocos__read_span(r, name_len));
    if (!entry->template)
        return bad(ima, err, "an unknown template");
    if (strcmp(entry->template, "ima") == 0)
        return read_old(ima, entry, err);

    int with_signature = strcmp(entry->template, "ima-sig") == 0;
    entry->data = read_field(r);
    if (r->failed || !fields_hold(entry->data, with_signature))
        return bad(ima, err, "an entry is cut, or its fields are not those of its template");
    return 1;
}
