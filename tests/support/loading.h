/* The connectors of this build, as the core loads them, and its programs. */
#ifndef TEST_CONTRACT_LOADING_H
#define TEST_CONTRACT_LOADING_H

#include "wess/connector.h"

const struct wess_connector *load_connector(const char *name); /* NULL: it is not there */
const char *program_path(const char *name);                    /* lives until the next call */
/* The settings a connector declares that are not given get their fallbacks, as the core does. */
struct testhost_setting;
size_t load_fallbacks(const struct wess_connector *, struct testhost_setting *of, size_t n,
                      size_t cap);

#endif
