"""`python -m ledger` is the command, for those whose path holds another `ledger`."""

from ledger.cli.main import main

if __name__ == "__main__":
    main()
