wess_unit(test_reconcile SOURCES test_reconcile.c LIBS wess_reconcile)
