#include "kg-store/crc.h"

#include <string.h>

#define POLYNOMIAL 0x82f63b78u /* of CRC-32C, its bits reversed */
#define SLICES     4           /* bytes taken in one step */

static uint32_t table[SLICES][256];

/* Runs before main(), so that no thread can see it half done. */
__attribute__((constructor)) static void fill_table(void)
{
    for (uint32_t i = 0; i < 256; i++) {
        uint32_t crc = i;
        for (int bit = 0; bit < 8; bit++)
            crc = crc & 1 ? crc >> 1 ^ POLYNOMIAL : crc >> 1;
        table[0][i] = crc;
    }
    for (size_t slice = 1; slice < SLICES; slice++)
        for (size_t i = 0; i < 256; i++)
            table[slice][i] = table[slice - 1][i] >> 8 ^ table[0][table[slice - 1][i] & 0xff];
}

uint32_t vc_crc32c(uint32_t crc, const void *bytes, size_t len)
{
    const unsigned char *at = bytes;
    crc = ~crc;
    for (; len >= SLICES; len -= SLICES, at += SLICES) {
        crc ^=
            (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
        crc = table[3][crc & 0xff] ^ table[2][crc >> 8 & 0xff] ^ table[1][crc >> 16 & 0xff] ^
              table[0][crc >> 24];
    }
    for (; len > 0; len--, at++)
        crc = crc >> 8 ^ table[0][(crc ^ *at) & 0xff];
    return ~crc;
}

/* A number as its type and eight bytes, the lowest first on every machine. */
static uint32_t add_word(uint32_t crc, int type, uint64_t word)
{
    unsigned char bytes[9] = {(unsigned char)type};
    for (size_t i = 1; i < sizeof bytes; i++, word >>= 8)
        bytes[i] = (unsigned char)word;
    return vc_crc32c(crc, bytes, sizeof bytes);
}

static uint32_t add_real(uint32_t crc, double real)
{
    uint64_t word;
    real = real == 0 ? 0 : real; /* SQLite keeps no sign of a zero */
    memcpy(&word, &real, sizeof word);
    return add_word(crc, SQLITE_FLOAT, word);
}

static uint32_t add_bytes(uint32_t crc, int type, sqlite3_value *value)
{
    const void *bytes = type == SQLITE_BLOB ? sqlite3_value_blob(value) : sqlite3_value_text(value);
    size_t len = (size_t)sqlite3_value_bytes(value);
    crc = add_word(crc, type, len);
    return bytes ? vc_crc32c(crc, bytes, len) : crc;
}

static void crc32c(sqlite3_context *context, int n, sqlite3_value **values)
{
    uint32_t crc = 0;
    for (int i = 0; i < n; i++) {
        int type = sqlite3_value_type(values[i]);
        if (type == SQLITE_INTEGER)
            crc = add_word(crc, type, (uint64_t)sqlite3_value_int64(values[i]));
        else if (type == SQLITE_FLOAT)
            crc = add_real(crc, sqlite3_value_double(values[i]));
        else if (type == SQLITE_NULL)
            crc = add_word(crc, type, 0);
        else
            crc = add_bytes(crc, type, values[i]);
    }
    sqlite3_result_int64(context, crc);
}

int vc_crc_register(sqlite3 *db)
{
    return sqlite3_create_function_v2(db, "crc32c", -1,
                                      SQLITE_UTF8 | SQLITE_DETERMINISTIC | SQLITE_DIRECTONLY, NULL,
                                      crc32c, NULL, NULL, NULL);
}
