wess_unit(test_reconcile SOURCES test_reconcile.c LIBS wess_reconcile)
wess_unit(test_stamp SOURCES test_stamp.c LIBS wess_feed wess_host)
wess_unit(test_ahead SOURCES test_ahead.c LIBS wess_feed wess_host wess_sdk_helpers)
wess_unit(test_series SOURCES test_series.c LIBS wess_host wess_sdk_zone)
