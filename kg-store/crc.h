/* crc.h - the checksum of rows: CRC-32C (Castagnoli, RFC 3720 B.4) over values of SQL. It finds
 * every single flipped bit and every burst of up to 32 bits; the rest passes once in 2^32. Only
 * files of this folder and its tests include it. */
#ifndef VC_KG_STORE_CRC_H
#define VC_KG_STORE_CRC_H

#include <sqlite3.h>
#include <stddef.h>
#include <stdint.h>

/* Go on from @crc, which begins as 0, over @len more bytes. O(len). */
uint32_t vc_crc32c(uint32_t crc, const void *bytes, size_t len);

/* Give @db the SQL function crc32c(value, ...): the checksum as an integer of 0 to 2^32 - 1. Each
 * value counts with its type and its length, so that ('ab', 'c') differs from ('a', 'bc') and NULL
 * from ''. Returns SQLite's own code. */
int vc_crc_register(sqlite3 *db);

#endif
