/* SPDX-License-Identifier: Apache-2.0 */
/* Writes a bundle of `snp` or `tdx`; `read` exits 0 when standard input is one. */
#include "collateral_maker.h"

static int read_bundle(void)
{
    static uint8_t data[1 << 20];
    cocos_bundle *b = NULL;

    int r = cocos_bundle_parse(data, fread(data, 1, sizeof data, stdin), &b, NULL);
    cocos_bundle_free(b);
    return r < 0;
}

int main(int argc, char **argv)
{
    size_t len;

    if (argc != 2)
        return 2;
    if (strcmp(argv[1], "read") == 0)
        return read_bundle();
    made_case c = strcmp(argv[1], "snp") == 0 ? made_snp() : made_tdx();
    cocos_bundle *b = made_bundle(&c);
    const uint8_t *cbor = cocos_bundle_cbor(b, &len);
    int r = fwrite(cbor, 1, len, stdout) != len;
    cocos_bundle_free(b);
    made_free(&c);
    return r;
}
