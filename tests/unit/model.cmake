wess_unit(test_model SOURCES test_model.c LIBS wess_model wess_sdk_zone)
