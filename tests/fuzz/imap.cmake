wess_fuzz_target(imap LIBS wess_imap_reader)
