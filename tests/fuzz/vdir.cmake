wess_fuzz_target(vdir SOURCES content.c LIBS wess_vdir_parts wess_testhost wess_model)
wess_fuzz_target(vdir_head LIBS wess_vdir_parts wess_testhost wess_model)
wess_fuzz_target(vdir_ics SOURCES content.c LIBS wess_vdir_parts wess_testhost wess_model)
