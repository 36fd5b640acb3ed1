wess_contract_test(test_ews_replay SOURCES test_ews_replay.c test_ews_writes.c test_ews_photos.c
    test_ews_calendar.c ews_replay.c
    LIBS PkgConfig::XML2 NEEDS wess_ews)
if(WESS_SANDBOX)
    foreach(test sandbox watch)
        wess_contract_test(test_ews_${test} SOURCES test_ews_${test}.c
            LIBS wess_box NEEDS wess_ews wess-sandbox)
    endforeach()
    foreach(test fields events)
        wess_contract_test(test_ews_${test} SOURCES test_ews_${test}.c ews_rounds.c
            LIBS wess_box NEEDS wess_ews wess-sandbox)
    endforeach()
endif()
