/* What a configuration names, out of memory: its own text, one CSV file, one connector. No file is
 * opened, no program run. */
#ifndef TEST_FUZZ_CONFIG_HOST_H
#define TEST_FUZZ_CONFIG_HOST_H

#include "config/config.h"
#include "fuzz.h"

#define CONFIG_PATH "wess.conf"
#define CONFIG_CSV "users.csv"

/* Loads it; every trouble is told as FILE:LINE: .., and a configuration without trouble holds what
 * it promises. NULL: refused. */
struct config *config_try(const char *text, size_t len, const char *csv, size_t csv_len);

#endif
