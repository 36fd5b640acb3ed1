wess_contract_test(test_imap_contract SOURCES test_imap_contract.c LIBS Threads::Threads NEEDS wess_imap-tags)
