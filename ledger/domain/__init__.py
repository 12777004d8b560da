"""The rules of the ledger, free of I/O: no SQL, no files, no clock of its own."""
