"""What each command of `proxier` does; `proxier.cli` imports only the one that is called."""
