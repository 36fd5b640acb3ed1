add_library(wess_store_box STATIC store_box.c)
target_link_libraries(wess_store_box PUBLIC wess_store PkgConfig::CMOCKA PRIVATE PkgConfig::SQLITE
    wess_flags)
wess_unit(test_store_open SOURCES test_store_open.c LIBS wess_store_box)
wess_unit(test_store_items SOURCES test_store_items.c LIBS wess_store_box)
wess_unit(test_store_links SOURCES test_store_links.c LIBS wess_store_box)
wess_unit(test_store_journal SOURCES test_store_journal.c LIBS wess_store_box)
wess_unit(test_store_unmet SOURCES test_store_unmet.c LIBS wess_store_box)
wess_unit(test_store_waits SOURCES test_store_waits.c LIBS wess_store_box)
wess_unit(test_store_turns SOURCES test_store_turns.c LIBS wess_store_box Threads::Threads)
wess_unit(test_store_faults SOURCES test_store_faults.c store_work.c LIBS wess_store_box
    wess_faultvfs)
set_tests_properties(test_store_faults PROPERTIES TIMEOUT 900 COST 200) # some thousand runs
wess_unit(test_store_files SOURCES test_store_files.c LIBS wess_store_box wess_faultlibc)
wess_unit(test_blob SOURCES test_blob.c LIBS wess_store_box wess_host wess_faultlibc wess_faultmem)
wess_unit(test_store_copy SOURCES test_store_copy.c LIBS wess_store_box wess_faultvfs)
