wess_unit(test_table SOURCES test_table.c LIBS wess_cli)
wess_unit(test_options SOURCES test_options.c LIBS wess_cli)
wess_unit(test_control SOURCES test_control.c LIBS wess_daemon)
