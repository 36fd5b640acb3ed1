foreach(test reads writes hostile meta activities)
    wess_contract_test(test_workbooks_${test} SOURCES test_workbooks_${test}.c wb_replay.c
        LIBS PkgConfig::JANSSON NEEDS wess_workbooks)
endforeach()
if(WESS_SANDBOX)
    foreach(test changes sandbox organisations files)
        wess_contract_test(test_workbooks_${test} SOURCES test_workbooks_${test}.c wb_box.c
            LIBS wess_box NEEDS wess_workbooks wess-sandbox)
    endforeach()
endif()
