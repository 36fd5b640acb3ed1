wess_fuzz_target(workbooks SOURCES net.c slots.c LIBS wess_workbooks_parts wess_testhost)
wess_fuzz_target(workbooks_text LIBS wess_workbooks_parts wess_testhost)
