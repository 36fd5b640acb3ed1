wess_unit(test_credential SOURCES test_credential.c LIBS wess_host Threads::Threads)
