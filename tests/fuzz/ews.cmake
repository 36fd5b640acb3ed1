if(TARGET wess_ews_parts)
    wess_fuzz_target(ews CAPTURES ews SOURCES net.c slots.c LIBS wess_ews_parts wess_testhost)
    wess_fuzz_target(ews_item SOURCES content.c LIBS wess_ews_parts wess_testhost wess_model)
endif()
