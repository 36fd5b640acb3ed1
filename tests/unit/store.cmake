add_library(wess_store_box STATIC store_box.c)
target_link_libraries(wess_store_box PUBLIC wess_store PkgConfig::CMOCKA PRIVATE PkgConfig::SQLITE
    wess_flags)
wess_unit(test_store_open SOURCES test_store_open.c LIBS wess_store_box)
