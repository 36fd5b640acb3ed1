wess_contract_test(test_vdir_contract SOURCES test_vdir_contract.c NEEDS wess_vdir)
wess_contract_test(test_vdir_disk SOURCES test_vdir_disk.c NEEDS wess_vdir)
set_target_properties(test_vdir_disk PROPERTIES ENABLE_EXPORTS ON) # its syncfs() is the connector's
