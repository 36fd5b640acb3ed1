/* Every slot of a connector against a remote that says what it likes (net.h): whatever comes of it
 * keeps to the contract. */
#ifndef TEST_FUZZ_SLOTS_H
#define TEST_FUZZ_SLOTS_H

#include "net.h"
#include "testhost.h"

struct slots_of {
    const struct testhost_setting *settings;
    size_t n_settings;
    const char *collection, *id; /* an id that the input may answer for */
};
void slots_hold(const struct slots_of *);

#endif
