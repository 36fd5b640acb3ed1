wess_contract_test(test_ews_replay SOURCES test_ews_replay.c test_ews_writes.c ews_replay.c
    LIBS PkgConfig::XML2 NEEDS wess_ews)
if(WESS_SANDBOX)
    wess_contract_test(test_ews_sandbox SOURCES test_ews_sandbox.c
        LIBS wess_box NEEDS wess_ews wess-sandbox)
endif()
