wess_fuzz_target(text LIBS wess_model)
wess_fuzz_target(encode LIBS wess_model)
wess_fuzz_target(canonical SOURCES content.c LIBS wess_model)
wess_fuzz_target(reconcile SOURCES content.c LIBS wess_reconcile)
wess_fuzz_target(options LIBS wess_cli)
wess_fuzz_target(control LIBS wess_daemon PkgConfig::JANSSON)
# Their own host: no file is opened, no program run, no connector loaded.
wess_fuzz_target(config SOURCES config_host.c LIBS wess_config)
wess_fuzz_target(users SOURCES config_host.c LIBS wess_config)
